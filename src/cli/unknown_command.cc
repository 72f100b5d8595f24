#include "cli/unknown_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

namespace hitless::cli {

std::optional<std::string> unknown_command(const CLI::App& app) {
  const CLI::App* deepest = &app;
  while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
  const std::vector<std::string> words = app.remaining(true);
  const auto word = std::find_if(words.begin(), words.end(),
                                 [](const std::string& each) { return !each.starts_with('-'); });
  if (deepest->get_require_subcommand_min() == 0 || word == words.end()) return std::nullopt;
  std::string known;
  for (const CLI::App* sub : deepest->get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) known.append(known.empty() ? "" : ", ").append(sub->get_name());
  }
  const std::string path = app.get_name() + (deepest == &app ? "" : " " + deepest->get_name());
  return fmt::format("there is no `{} {}`; there are: {}", path, *word, known);
}

}  // namespace hitless::cli
