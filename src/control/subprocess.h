// Runs a short-lived command to its end: import checks and exec health checks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace hitless::control {

struct CommandRun {
  std::vector<std::string> argv;
  std::filesystem::path directory;
  Duration timeout = std::chrono::seconds(60);
  std::size_t output_bytes_max = 64 * 1024;  // what is beyond is dropped
};

struct CommandEnd {
  int status = 0;      // exit status; 128 + signal when it was killed
  std::string output;  // standard output and error
};

// As an unprivileged user when we are root; with a clean environment; its whole process group is
// killed when the time is up (timeout).  Blocks; any thread.
Result<CommandEnd> run_command(const CommandRun& run);

}  // namespace hitless::control
