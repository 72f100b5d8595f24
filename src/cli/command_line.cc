#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace hitless::cli {
namespace {

void add_options(const CLI::App& app, std::string& text) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->check_lname("json") || option->check_lname("help"))
      continue;
    const std::string name = option->get_positional() ? "" : " " + option->get_name();
    if (option->get_items_expected_max() == 0) {
      const std::vector<std::string> given = option->results();
      const bool no = !given.empty() && (given.back() == "false" || given.back().starts_with('-'));
      text += no ? " --no-" + option->get_lnames().front() : name;
      continue;
    }
    for (const std::string& value : option->results()) text += name + " " + shell_word(value);
  }
}

}  // namespace

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || std::string_view("-_./:=,@%+").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string command_line_of(const CLI::App& command, const std::string& name) {
  std::string names = name;
  std::string options;
  add_options(command, options);
  for (const CLI::App* above = command.get_parent(); above != nullptr;
       above = above->get_parent()) {
    names = above->get_name() + " " + names;
    add_options(*above, options);
  }
  return names + options;
}

}  // namespace hitless::cli
