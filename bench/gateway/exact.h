// What does not depend on how quiet the machine is: instructions, system calls, memory.
#pragma once

#include <vector>

#include "bench/gateway/figures.h"
#include "bench/gateway/processes.h"

namespace hitless::bench {

struct ExactOptions {
  bool is_quick = false;
  Cores cores;
};

// User-space instructions, as the slope between two counts of units under cachegrind: what starting
// costs is in both.
std::vector<Figure> measure_instructions(const ExactOptions& options);

// By perf, while a known number of units goes through.
std::vector<Figure> measure_system_calls(const ExactOptions& options);

// Of the processes, without what the kernel holds for their sockets.
std::vector<Figure> measure_memory(const ExactOptions& options);

}  // namespace hitless::bench
