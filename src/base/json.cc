#include "base/json.h"

#include <fmt/format.h>

#include <cmath>

namespace hitless {
namespace {

// Deeper bodies are attacks, not models: config.json's deepest published sample has 11 levels.
constexpr std::size_t k_json_depth_max = 32;

Error wrong_type(std::string_view name, std::string_view wanted) {
  return Error(Code::invalid, fmt::format("field [{}] must be {}", name, wanted));
}

Error missing(std::string_view name) {
  return Error(Code::invalid, fmt::format("field [{}] is required and cannot be empty", name));
}

const json::value* find(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

template <class T>
Result<T> required(Result<std::optional<T>> found, std::string_view name) {
  if (!found) return std::move(found).error();
  if (!*found) return missing(name);
  return std::move(**found);
}

template <class T>
Result<const T*> required(Result<const T*> found, std::string_view name) {
  if (found && *found == nullptr) return missing(name);
  return found;
}

void write_pretty(std::string& out, const json::value& value, std::size_t indent) {
  const std::string inner(indent + 2, ' ');
  const std::string outer(indent, ' ');
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    const char* separator = "{\n";
    for (const auto& [name, member] : *object) {
      out.append(separator).append(inner).append(json::serialize(json::string(name))).append(": ");
      write_pretty(out, member, indent + 2);
      separator = ",\n";
    }
    out.append("\n").append(outer).append("}");
  } else if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    const char* separator = "[\n";
    for (const json::value& item : *array) {
      out.append(separator).append(inner);
      write_pretty(out, item, indent + 2);
      separator = ",\n";
    }
    out.append("\n").append(outer).append("]");
  } else {
    out.append(json::serialize(value));
  }
}

}  // namespace

Error in_field(std::string_view place, const Error& error) {
  constexpr std::string_view k_field = "field [";
  const std::string_view text = error.text();
  if (text.starts_with(k_field)) {
    return Error(error.code(), fmt::format("field [{}.{}", place, text.substr(k_field.size())));
  }
  const char* between = text.starts_with("must ") ? "" : ":";
  return Error(error.code(), fmt::format("field [{}]{} {}", place, between, text));
}

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = k_json_depth_max;
  json::stream_parser parser({}, options);
  boost::system::error_code failure;
  const std::size_t used = parser.write(text.data(), text.size(), failure);
  if (!failure) parser.finish(failure);
  if (failure) {
    return Error(Code::invalid,
                 fmt::format("not valid JSON near byte {}: {}", used, failure.message()));
  }
  return parser.release();
}

std::string to_json_text(const json::value& value) {
  return json::serialize(value);
}

std::string to_pretty_json_text(const json::value& value) {
  std::string out;
  write_pretty(out, value, 0);
  return out;
}

Result<std::optional<std::string>> find_string(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong_type(name, "a string");
  return std::optional<std::string>(std::string(value->get_string()));
}

Result<std::optional<std::int64_t>> find_int(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (value->is_int64()) return std::optional<std::int64_t>(value->get_int64());
  const double* number = value->if_double();
  if (number != nullptr && std::floor(*number) == *number && std::abs(*number) < 9e15) {
    return std::optional<std::int64_t>(static_cast<std::int64_t>(*number));
  }
  return wrong_type(name, "an integer");
}

Result<std::optional<double>> find_number(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number()) return wrong_type(name, "a number");
  boost::system::error_code failure;
  const double number = value->to_number<double>(failure);
  if (failure) return wrong_type(name, "a number");
  return std::optional<double>(number);
}

Result<std::optional<bool>> find_bool(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_bool()) return wrong_type(name, "true or false");
  return std::optional<bool>(value->get_bool());
}

Result<const json::object*> find_object(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value != nullptr && !value->is_object()) return wrong_type(name, "an object");
  return value == nullptr ? nullptr : &value->get_object();
}

Result<const json::array*> find_array(const json::object& from, std::string_view name) {
  const json::value* value = find(from, name);
  if (value != nullptr && !value->is_array()) return wrong_type(name, "an array");
  return value == nullptr ? nullptr : &value->get_array();
}

Result<std::string> get_string(const json::object& from, std::string_view name) {
  return required(find_string(from, name), name);
}
Result<std::int64_t> get_int(const json::object& from, std::string_view name) {
  return required(find_int(from, name), name);
}
Result<double> get_number(const json::object& from, std::string_view name) {
  return required(find_number(from, name), name);
}
Result<bool> get_bool(const json::object& from, std::string_view name) {
  return required(find_bool(from, name), name);
}
Result<const json::object*> get_object(const json::object& from, std::string_view name) {
  return required(find_object(from, name), name);
}
Result<const json::array*> get_array(const json::object& from, std::string_view name) {
  return required(find_array(from, name), name);
}

}  // namespace hitless
