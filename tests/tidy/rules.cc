#include "tests/tidy/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>

#include "tests/tidy/functions.h"

namespace hitless::tidy {
namespace {

// Calls on_line(line, number) for each line, numbers from 1.
template <class OnLine>
void each_line(const File& file, OnLine on_line) {
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) on_line(line, ++number);
}

std::string first_match(std::string_view line, const std::regex& pattern, std::size_t group = 0) {
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_search(line.begin(), line.end(), match, pattern)) return {};
  return match[group].str();
}

}  // namespace

std::vector<Finding> check_size(const File& file) {
  std::vector<Finding> findings;
  const std::size_t lines = lines_of(file.text).size();
  if (lines > k_file_lines_max) {
    findings.push_back(
        {file.path, 0, fmt::format("{} lines; {} are allowed", lines, k_file_lines_max)});
  }
  if (!file.is_cpp()) return findings;
  for (const Function& function : functions_of(file.text)) {
    if (function.lines() <= k_function_lines_max) continue;
    findings.push_back({file.path, function.line_first,
                        fmt::format("{} lines in {}; {} are allowed", function.lines(),
                                    function.head, k_function_lines_max)});
  }
  return findings;
}

std::vector<Finding> check_text(const File& file) {
  // In halves, so that this file keeps its own rule.
  static const std::regex k_note(
      "\\b(TO"
      "DO|FIX"
      "ME|X"
      "XX)\\b");
  std::vector<Finding> findings;
  each_line(file, [&](std::string_view line, std::size_t number) {
    const auto complain = [&](std::string text) {
      findings.push_back({file.path, number, std::move(text)});
    };
    if (line.find('\t') != std::string_view::npos) complain("a tab");
    if (line.ends_with(' ') || line.ends_with('\r')) complain("a blank at the line's end");
    if (const std::string note = first_match(line, k_note); !note.empty()) {
      complain(fmt::format("{}: do it, or open an issue", note));
    }
  });
  if (!file.text.empty() && !file.ends_with(".golden") && file.text.back() != '\n') {
    findings.push_back({file.path, 0, "no line end at its end"});
  }
  return findings;
}

std::vector<Finding> check_header(const File& file) {
  std::vector<Finding> findings;
  if (!file.is_header()) return findings;
  if (!file.text.starts_with("// ")) {
    findings.push_back({file.path, 1, "must begin with a comment that says what it is"});
  }
  if (file.text.find("\n#pragma once\n") == std::string::npos) {
    findings.push_back({file.path, 0, "lacks #pragma once"});
  }
  return findings;
}

std::vector<Finding> check_line_numbers(const File& file) {
  static const std::regex k_place(R"(\b[\w/]+\.(cc|h|py|ts|tsx|sh|sql|md|txt):[0-9]+\b)");
  std::vector<Finding> findings;
  each_line(file, [&](std::string_view line, std::size_t number) {
    const std::size_t comment = file.is_cpp() ? line.find("//") : 0;
    if (comment == std::string_view::npos) return;
    const std::string place = first_match(line.substr(comment), k_place);
    if (place.empty()) return;
    findings.push_back({file.path, number, fmt::format("{}: point at a name, not a line", place)});
  });
  return findings;
}

std::vector<Finding> check_machine_paths(const File& file) {
  static const std::regex k_path(
      "(^|[^\\w.$}~-])(/(work|root)/|/home/\\w+/|/tmp/"
      "wt)");
  std::vector<Finding> findings;
  each_line(file, [&](std::string_view line, std::size_t number) {
    const std::string path = first_match(line, k_path, 2);
    if (path.empty()) return;
    findings.push_back({file.path, number, fmt::format("{} exists on one machine only", path)});
  });
  return findings;
}

std::vector<Finding> check_dev_commands(const File& file, std::string_view dev_text) {
  static const std::regex k_command(R"((^|[^\w/])\./dev ([a-z]+))");
  std::vector<Finding> findings;
  each_line(file, [&](std::string_view line, std::size_t number) {
    const std::string word = first_match(line, k_command, 2);
    if (word.empty()) return;
    if (dev_text.find(fmt::format("\ncmd_{}() {{", word)) != std::string_view::npos) return;
    findings.push_back({file.path, number, fmt::format("./dev has no command {}", word)});
  });
  return findings;
}

}  // namespace hitless::tidy
