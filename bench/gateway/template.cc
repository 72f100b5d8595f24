#include "bench/gateway/template.h"

#include "base/check.h"

namespace hitless::bench {
namespace {

// How often.
std::size_t replace_all(std::string& text, const std::string& what, std::string_view with) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
    ++count;
  }
  return count;
}

bool has_place(std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    const std::size_t end = text.find_first_not_of(letters, at + 1);
    if (end != std::string_view::npos && text[end] == '@' && end > at + 1) return true;
  }
  return false;
}

}  // namespace

std::string fill_template(std::string text, const std::map<std::string, std::string>& values,
                          std::string_view mark) {
  for (const auto& [name, value] : values) {
    HL_CHECK(replace_all(text, "@" + name + "@", value) > 0);
  }
  HL_CHECK(!has_place(text));
  if (!mark.empty()) replace_all(text, "#" + std::string(mark) + "# ", "");
  return text;
}

}  // namespace hitless::bench
