#include "api/text_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/limits.h"

namespace hitless::api {
namespace {

Failure no_match(std::string_view member, std::string_view pattern) {
  return Failure(Cause::invalid_argument,
                 fmt::format("parameter [{}] does not match {}", member, pattern));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_char(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

// One of the three numbers, taken off the front.
bool take_number(std::string_view& text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const bool fits = digits == 1 || (digits == 2 && text[0] != '0');
  text.remove_prefix(digits);
  return fits;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

// Characters, not bytes: what does not continue one begins the next.
std::size_t char_count(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

Checked<std::string> get_name(const json::object& body, std::string_view member) {
  HL_TRY_ASSIGN(std::string name, get_string(body, member));
  if (name.empty() || name.size() > k_name_chars_max ||
      !std::all_of(name.begin(), name.end(), is_name_char)) {
    return no_match(member, "^[A-Za-z0-9_-]{1,64}$");
  }
  return name;
}

Checked<std::string> get_version(const json::object& body, std::string_view member) {
  HL_TRY_ASSIGN(std::string version, get_string(body, member));
  std::string_view rest = version;
  const bool fits = take_number(rest) && take_dot(rest) && take_number(rest) && take_dot(rest) &&
                    take_number(rest) && rest.empty();
  if (!fits) return no_match(member, "^(0|[1-9][0-9]?)(\\.(0|[1-9][0-9]?)){2}$");
  return version;
}

Checked<std::string> read_description(const json::object& body, std::string_view forbidden) {
  HL_TRY_ASSIGN(std::optional<std::string> text, find_string(body, "description"));
  if (!text) return std::string();
  if (char_count(*text) > k_description_chars_max) {
    return Failure(
        Cause::invalid_argument,
        fmt::format("field [description] must be at most {} characters", k_description_chars_max));
  }
  if (text->find_first_of(forbidden) != std::string::npos) {
    return Failure(Cause::invalid_argument,
                   fmt::format("field [description] must not hold any of {}", forbidden));
  }
  return std::move(*text);
}

}  // namespace hitless::api
