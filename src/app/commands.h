// The commands of this room on the command line: serve, gateway, shim, down, config.
#pragma once

#include <optional>

namespace hitless::app {

// Runs argv[1] if it is a command of this room and gives its exit status; nullopt: it is not.
std::optional<int> run_app_command(int argc, char** argv);

}  // namespace hitless::app
