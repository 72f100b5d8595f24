// What goes over a shim's socket: one JSON object a line, both ways.
//
// The shim says its status on connect and on every change; commands need no answer but that.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "pools/driver.h"

namespace hitless::pools {

struct ShimStatus {
  ProcessState state = ProcessState::starting;
  pid_t pid = 0;
  pid_t shim_pid = 0;
  Time since;
  bool stop_told = false;
  std::vector<std::string> warnings;
};

struct StopCommand {
  Duration grace{};
};

std::string to_line(const ShimStatus& status);
std::string to_line(const StopCommand& command);
Result<ShimStatus> status_from_line(std::string_view line);
Result<StopCommand> command_from_line(std::string_view line);

// Cuts a stream of bytes into lines.
class LineBuffer {
 public:
  void add(std::string_view bytes) { bytes_.append(bytes); }
  std::optional<std::string> next();  // without its end
  bool overlong() const;              // the other side does not speak our language

 private:
  std::string bytes_;
};

}  // namespace hitless::pools
