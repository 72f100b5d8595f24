// Whether a warm-up request was answered right.
#include <fmt/format.h>

#include <cmath>

#include "model/warm_up.h"

namespace hitless::model {
namespace {

// Values in a sentence are cut there, and so is the body of an answer with another status.
constexpr std::size_t k_shown_bytes = 120;

// A number changes its last digits on the way through text and back; that is not a difference.
constexpr double k_rounding = 1e-12;

struct Difference {
  std::string pointer;
  std::string came;
  std::string expected;
};

std::string shortened(std::string text) {
  if (text.size() <= k_shown_bytes) return text;
  text.resize(k_shown_bytes);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U)
    text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
  return text + " …";
}

// One line, and nothing that a terminal would act on.
std::string one_line(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 2 * k_shown_bytes)) {
    text += (c >= 0 && c < ' ') || c == '\x7f' ? ' ' : c;
  }
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return shortened(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

std::string text_of(const json::value& value) {
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return one_line(to_json_text(value));
}

std::string expected_text(const json::value& expected, const WarmUpField& field) {
  std::string text = text_of(expected);
  if (!expected.is_number()) return text;
  if (field.absolute > 0) text += fmt::format(" ± {:g}", field.absolute);
  if (field.relative > 0) {
    text += fmt::format("{}{:g} %", field.absolute > 0 ? " or " : " ± ", 100 * field.relative);
  }
  return text;
}

bool is_near(const json::value& came, const json::value& expected, const WarmUpField& field) {
  if (!came.is_number()) return false;
  if (came == expected) return true;
  const auto left = came.to_number<double>();
  const auto right = expected.to_number<double>();
  const bool whole = !came.is_double() && !expected.is_double();
  const double rounding = whole ? 0 : k_rounding;
  return std::abs(left - right) <=
         std::max(field.absolute, std::max(field.relative, rounding) * std::abs(right));
}

std::string escaped(std::string_view key) {
  std::string text;
  for (const char c : key) {
    text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return text;
}

// The first place where they differ by more than the field allows.
std::optional<Difference> find_difference(const json::value& came, const json::value& expected,
                                          const WarmUpField& field, const std::string& pointer) {
  const Difference here{pointer, text_of(came), expected_text(expected, field)};
  if (expected.is_number()) {
    if (is_near(came, expected, field)) return std::nullopt;
    return here;
  }
  if (expected.is_array() && came.is_array()) {
    const json::array& wanted = expected.get_array();
    const json::array& items = came.get_array();
    if (items.size() != wanted.size()) {
      return Difference{pointer, fmt::format("an array of {}", items.size()),
                        fmt::format("{} items", wanted.size())};
    }
    for (std::size_t index = 0; index < wanted.size(); ++index) {
      const std::string place = fmt::format("{}/{}", pointer, index);
      if (auto found = find_difference(items[index], wanted[index], field, place)) return found;
    }
    return std::nullopt;
  }
  if (expected.is_object() && came.is_object()) {
    if (came.get_object().size() != expected.get_object().size()) return here;
    for (const auto& member : expected.get_object()) {
      const json::value* value = came.get_object().if_contains(member.key());
      const std::string place = pointer + "/" + escaped(member.key());
      if (value == nullptr) {
        return Difference{place, "missing", expected_text(member.value(), field)};
      }
      if (auto found = find_difference(*value, member.value(), field, place)) return found;
    }
    return std::nullopt;
  }
  if (came == expected) return std::nullopt;
  return here;
}

std::optional<Difference> find_difference(const json::value& answer, const WarmUpField& field) {
  boost::system::error_code failure;
  const json::value* came = answer.find_pointer(field.pointer, failure);
  if (came == nullptr) {
    return Difference{field.pointer, "missing", expected_text(field.value, field)};
  }
  return find_difference(*came, field.value, field, field.pointer);
}

}  // namespace

std::string fault_of(const WarmUpRequest& request, int status, std::string_view body) {
  if (status != request.status) {
    const std::string said = one_line(body);
    return fmt::format("answered {}{}, expected {}", status,
                       said.empty() ? "" : fmt::format(" ({})", said), request.status);
  }
  if (request.fields.empty()) return "";
  const Result<json::value> answer = parse_json(body);
  if (!answer) return fmt::format("answered {}, but its body is no JSON", status);
  for (const WarmUpField& field : request.fields) {
    if (const auto found = find_difference(*answer, field)) {
      return fmt::format("answered {}, but {} is {}, expected {}", status,
                         found->pointer.empty() ? "the whole" : "field " + found->pointer,
                         found->came, found->expected);
    }
  }
  return "";
}

}  // namespace hitless::model
