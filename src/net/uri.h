// Percent-encoding and query strings (RFC 3986; form encoding for queries).  Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hitless::net {

// "%41b" is "Ab".  A '%' without two hex digits is an Error (invalid); '+' stays '+'.
Result<std::string> decode_percent(std::string_view text);

// Everything but letters, digits and "-._~" is escaped: the result fits a path segment, a query
// name and a query value.
std::string encode_percent(std::string_view text);

// "a=1&b=x+y&c" is {a, 1}, {b, "x y"}, {c, ""}, in that order; empty parts are skipped.
using Query = std::vector<std::pair<std::string, std::string>>;
Result<Query> parse_query(std::string_view query);

}  // namespace hitless::net
