// Misspelt commands, of which CLI11 says only that there has to be one.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace hitless::cli {

// After parsing `app` failed: what to say when a command was named that is not there.
std::optional<std::string> unknown_command(const CLI::App& app);

}  // namespace hitless::cli
