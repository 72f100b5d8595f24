// What `serve` takes of the machine while nothing happens and many services run.
#pragma once

#include <vector>

#include "bench/rows.h"

namespace hitless::bench {

struct IdleOptions {
  int services = 1000;  // each with one instance that runs and is probed
  int seconds = 15;     // how long it is watched
};

std::vector<Row> measure_idle(const IdleOptions& options);

}  // namespace hitless::bench
