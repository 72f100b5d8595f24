// The contract's rules for names and descriptions (limits), and readers that
// apply them to a body's members.  Any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/errors.h"
#include "base/json.h"

namespace hitless::api {

// 1 to 64 letters, digits, "-" and "_".
Checked<std::string> get_name(const json::object& body, std::string_view member);

// Three numbers from 0 to 99 without leading zeros, "0.0.1".
Checked<std::string> get_version(const json::object& body, std::string_view member);

// At most 100 characters, none of `forbidden`; empty when absent.
Checked<std::string> read_description(const json::object& body, std::string_view forbidden);

}  // namespace hitless::api
