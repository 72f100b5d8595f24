// The rules for one file at a time.  Each gives what it has against the file; empty is good.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/text.h"

namespace hitless::tidy {

// Files of ours are read whole by people; past this many lines they are split by noun.
inline constexpr std::size_t k_file_lines_max = 600;
// The longest function that still fits a screen and a head.
inline constexpr std::size_t k_function_lines_max = 70;

std::vector<Finding> check_size(const File& file);

// Tabs, blanks at line ends, a missing last line end, notes to oneself.
std::vector<Finding> check_text(const File& file);

// #pragma once, and a comment at the top that says what the header is.
std::vector<Finding> check_header(const File& file);

// Places named by line number ("x.cc" with a colon and a number): they rot.
std::vector<Finding> check_line_numbers(const File& file);

// Folders that exist on one machine only.
std::vector<Finding> check_machine_paths(const File& file);

// Commands in documents ("./dev WORD") that ./dev does not have; `dev_text` is that script.
std::vector<Finding> check_dev_commands(const File& file, std::string_view dev_text);

}  // namespace hitless::tidy
