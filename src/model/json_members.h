// Members that several values of this room write and read the same way.  Private to this room.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace hitless::model {

Result<Duration> get_micros(const json::object& from, std::string_view name);
Result<Time> get_time_micros(const json::object& from, std::string_view name);
// What counts: never negative; corrupt otherwise.
Result<std::uint64_t> get_count(const json::object& from, std::string_view name);
Result<int> get_small_int(const json::object& from, std::string_view name);

// A double as text: JSON numbers lose the last bit on the way through the parser.
json::string exact_text(double number);
Result<double> exact_from_json(const json::value& value);
Result<double> get_exact(const json::object& from, std::string_view name);

json::array array_of(const std::vector<std::string>& texts);
Result<std::vector<std::string>> get_strings(const json::object& from, std::string_view name);

// Each item of the array `name` through `read`; the error says which item.
template <class T, class Read>
Result<std::vector<T>> get_each(const json::object& from, std::string_view name, Read read) {
  HL_TRY_ASSIGN(const json::array* items, get_array(from, name));
  std::vector<T> values;
  values.reserve(items->size());
  for (const json::value& item : *items) {
    Result<T> value = read(item);
    if (!value) {
      return std::move(value).error().context(std::string(name) + "[" +
                                              std::to_string(values.size()) + "]");
    }
    values.push_back(*std::move(value));
  }
  return values;
}

Result<const json::object*> as_object(const json::value& value);
// An object with no members but these; the error names them.
Result<const json::object*> object_of(const json::value& value,
                                      std::span<const std::string_view> known);

// What people may write in capitals; ASCII alone.
std::string lower(std::string_view text);

}  // namespace hitless::model
