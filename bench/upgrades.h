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

// Without a proof: the last old instance leaves as soon as the last new one serves.
std::vector<Row> measure_upgrades(const UpgradeOptions& options, int count);

// What the proof adds, as by default, where nobody calls any more.
Row measure_proof(const UpgradeOptions& options);

}  // namespace hitless::bench
