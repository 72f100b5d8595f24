// The words of a scenario (sim.h), read into values.  Internal to the room; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/service.h"

namespace hitless::rollout {

// One command: its words and the line it stands in.
struct Command {
  int line = 0;
  std::vector<std::string> words;
};

std::vector<Command> split_scenario(std::string_view text);

Result<Duration> read_duration(std::string_view word);  // "5s", "20ms", "2m", "1h"
Result<int> read_number(std::string_view word);

// "2 of B surge=1 + 1 of C weight=10", from the words after the command's own.
Result<model::ServiceConfig> read_config(const std::vector<std::string>& words, std::size_t from);

}  // namespace hitless::rollout
