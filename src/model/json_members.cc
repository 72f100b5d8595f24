#include "model/json_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace hitless::model {

Result<Duration> get_micros(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t micros, get_int(from, name));
  return Duration(micros);
}

Result<Time> get_time_micros(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t micros, get_int(from, name));
  return from_micros(micros);
}

Result<std::uint64_t> get_count(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t count, get_int(from, name));
  if (count < 0) {
    return Error(Code::corrupt, fmt::format("field [{}] must not be negative", name));
  }
  return static_cast<std::uint64_t>(count);
}

Result<int> get_small_int(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t number, get_int(from, name));
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) {
    return Error(Code::invalid, fmt::format("field [{}] is out of range", name));
  }
  return static_cast<int>(number);
}

json::string exact_text(double number) {
  return json::string(fmt::format("{}", number));
}

Result<double> exact_from_json(const json::value& value) {
  const json::string* text = value.if_string();
  double number = 0;
  if (text != nullptr) {
    const char* const last = text->data() + text->size();
    const auto [end, failure] = std::from_chars(text->data(), last, number);
    if (failure == std::errc() && end == last) return number;
  }
  return Error(Code::invalid, "must be a number as text");
}

Result<double> get_exact(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::string text, get_string(from, name));
  Result<double> number = exact_from_json(json::string(text));
  if (!number)
    return Error(Code::invalid, fmt::format("field [{}] must be a number as text", name));
  return number;
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array array;
  array.reserve(texts.size());
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

Result<std::vector<std::string>> get_strings(const json::object& from, std::string_view name) {
  return get_each<std::string>(from, name, [](const json::value& item) -> Result<std::string> {
    if (!item.is_string()) return Error(Code::invalid, "must be a string");
    return std::string(item.get_string());
  });
}

Result<const json::object*> as_object(const json::value& value) {
  if (!value.is_object()) return Error(Code::invalid, "must be an object");
  return &value.get_object();
}

Result<const json::object*> object_of(const json::value& value,
                                      std::span<const std::string_view> known) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  for (const auto& member : *object) {
    const std::string_view name = member.key();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const std::string_view each : known) names.append(names.empty() ? "" : ", ").append(each);
    return Error(Code::invalid, fmt::format("field [{}] is not known; there are: {}", name, names));
  }
  return object;
}

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return copy;
}

}  // namespace hitless::model
