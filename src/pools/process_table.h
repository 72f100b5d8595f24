// The machine's processes as /proc shows them.  Any thread; a process may be gone by the time its
// facts are read, so whoever signals one compares first.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace hitless::pools {

struct ProcessFacts {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;  // since boot; tells a reused pid from the first owner
  bool zombie = false;
};

std::optional<ProcessFacts> facts_of(pid_t pid);
std::vector<ProcessFacts> all_processes();

// The real uid; absent when the process is gone.
std::optional<uid_t> user_of(pid_t pid);

}  // namespace hitless::pools
