// How long a large route table takes from being published to being used by every worker, and what
// requests notice of it.
#pragma once

#include <vector>

#include "bench/gateway/figures.h"

namespace hitless::bench {

struct TableSwapOptions {
  std::size_t services = 10'000;
  std::size_t endpoints = 5;  // of each
  int publishes = 50;
};

// The gateway with two workers, on whatever cores there are: as users have it.
std::vector<Figure> measure_table_swap(const TableSwapOptions& options);

}  // namespace hitless::bench
