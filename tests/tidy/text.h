// Source text as the rules see it: lines, and code without its comments and string literals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hitless::tidy {

// What a rule has against a file.  `line` counts from 1; 0 means the file as a whole.
struct Finding {
  std::string file;
  std::size_t line = 0;
  std::string text;
  friend bool operator==(const Finding&, const Finding&) = default;
};

// A file of the repository: its path from the root and its whole text.
struct File {
  std::string path;
  std::string text;

  bool ends_with(std::string_view end) const { return std::string_view(path).ends_with(end); }
  bool starts_with(std::string_view begin) const {
    return std::string_view(path).starts_with(begin);
  }
  bool is_header() const { return ends_with(".h"); }
  bool is_cpp() const { return is_header() || ends_with(".cc"); }
  bool is_markdown() const { return ends_with(".md"); }
};

// Without the line ends; a last line without one counts too.
std::vector<std::string_view> lines_of(std::string_view text);

std::string_view trim(std::string_view text);

// C++ text with comments, string and character literals and preprocessor lines blanked out; every
// line end stays where it was.
std::string blank_non_code(std::string_view text);

}  // namespace hitless::tidy
