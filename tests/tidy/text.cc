#include "tests/tidy/text.h"

#include <algorithm>
#include <cctype>

namespace hitless::tidy {
namespace {

// Walks over the text once; each skip_ function blanks one thing that is not code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::string(text_);
  }

 private:
  void step() {
    const std::string_view rest = std::string_view(text_).substr(at_);
    if (rest.starts_with("//")) {
      blank_until(text_.find('\n', at_));
    } else if (rest.starts_with("/*")) {
      blank_past("*/", at_ + 2);
    } else if (rest.starts_with("R\"") && !follows_word()) {
      skip_raw_string();
    } else if (rest.front() == '"' || (rest.front() == '\'' && !follows_word())) {
      skip_literal(rest.front());
    } else if (rest.front() == '#' && begins_line()) {
      skip_directive();
    } else {
      ++at_;
    }
  }

  // An apostrophe behind a digit or letter separates digits; R behind one ends a name.
  bool follows_word() const {
    return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }

  bool begins_line() const {
    const std::size_t last = text_.rfind('\n', at_ == 0 ? 0 : at_ - 1);
    const std::size_t begin = last == std::string::npos || at_ == 0 ? 0 : last + 1;
    return trim(std::string_view(text_).substr(begin, at_ - begin)).empty();
  }

  void skip_literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    blank_until(end + 1);
  }

  void skip_raw_string() {
    const std::size_t open = text_.find('(', at_);
    if (open == std::string::npos) return blank_until(text_.size());
    const std::string close = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
    blank_past(close, open);
  }

  void skip_directive() {
    std::size_t end = at_;
    do {
      end = text_.find('\n', end + 1);
    } while (end != std::string::npos && text_[end - 1] == '\\');
    blank_until(end);
  }

  void blank_past(std::string_view close, std::size_t from) {
    const std::size_t found = text_.find(close, from);
    blank_until(found == std::string::npos ? found : found + close.size());
  }

  void blank_until(std::size_t end) {
    end = std::min(end, text_.size());
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }

  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string blank_non_code(std::string_view text) {
  return Blanker(text).run();
}

}  // namespace hitless::tidy
