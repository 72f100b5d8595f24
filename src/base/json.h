// JSON is Boost.JSON's value type, read through functions that say which member is wrong.
//
// The only header that names the library.  All functions are pure; any thread.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hitless {
namespace json = boost::json;

// Parses one JSON text.  Depth is limited (32) and duplicate members keep the last, as clients of
// the contract expect.  The error names the offset.
Result<json::value> parse_json(std::string_view text);

std::string to_json_text(const json::value& value);         // one line
std::string to_pretty_json_text(const json::value& value);  // two-space indents, for people

// An error of a member says which one; its place within the whole is known further out: "field [x]
// must be y" becomes "field [place.x] must be y", "must be y" becomes "field [place] must be y".
Error in_field(std::string_view place, const Error& error);

// Members of an object.  Absent and null are the same.  A member of another type is an Error whose
// text names it: "field [max_surge] must be a number".
Result<std::optional<std::string>> find_string(const json::object& from, std::string_view name);
Result<std::optional<std::int64_t>> find_int(const json::object& from, std::string_view name);
Result<std::optional<double>> find_number(const json::object& from, std::string_view name);
Result<std::optional<bool>> find_bool(const json::object& from, std::string_view name);
// Borrowed from `from`; nullptr when absent.
Result<const json::object*> find_object(const json::object& from, std::string_view name);
Result<const json::array*> find_array(const json::object& from, std::string_view name);

// The same for members that must be there.
Result<std::string> get_string(const json::object& from, std::string_view name);
Result<std::int64_t> get_int(const json::object& from, std::string_view name);
Result<double> get_number(const json::object& from, std::string_view name);
Result<bool> get_bool(const json::object& from, std::string_view name);
Result<const json::object*> get_object(const json::object& from, std::string_view name);
Result<const json::array*> get_array(const json::object& from, std::string_view name);

}  // namespace hitless
