// What is measured, as data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/gateway/load.h"

namespace hitless::bench {

// The marked lines of the peers' configurations that hold.
enum class Tuning { small, large, stream };

struct Scenario {
  std::string name;  // for --only
  std::string what;
  Tuning tuning = Tuning::small;
  Shape shape;
  std::size_t clients = 64;
  double bar = 0;  // of CPU per unit, against the better peer
};

const std::vector<Scenario>& scenarios();

}  // namespace hitless::bench
