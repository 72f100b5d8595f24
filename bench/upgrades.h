// Upgrades of the real binary with the pretend model, by the rollouts' own reports and by the clock
// of a caller.
#pragma once

#include <vector>

#include "bench/rows.h"

namespace hitless::bench {

struct UpgradeOptions {
  int start_ms = 1000;  // what an instance needs to start
  int repetitions = 3;
};

std::vector<Row> measure_upgrades(const UpgradeOptions& options, int count);

}  // namespace hitless::bench
