// Completion scripts for shells, made from the command tree.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace hitless::cli {

// What can follow "hitless <path>": subcommands and options.
struct CompletionRow {
  std::string path;  // "service create"; empty for the top
  std::vector<std::string> words;
};

// Adds the rows of `app`, which stands at `path`, and of all below it.
void collect_completions(const CLI::App& app, const std::string& path,
                         std::vector<CompletionRow>& rows);

// `shell` is bash, zsh or fish.
Result<std::string> completion_script(std::string_view shell,
                                      const std::vector<CompletionRow>& rows);

}  // namespace hitless::cli
