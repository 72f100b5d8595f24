// hitless and its peers in turns, round after round, under the same load.
#pragma once

#include <array>
#include <chrono>
#include <vector>

#include "base/json.h"
#include "bench/gateway/proxies.h"
#include "bench/gateway/scenarios.h"
#include "bench/gateway/statistics.h"

namespace hitless::bench {

struct CompareOptions {
  int rounds = 6;
  std::chrono::milliseconds warm_up{300};
  std::chrono::milliseconds time{2000};  // of a run
  Cores cores;
};

// One proxy, measured for a while.
struct Run {
  double cpu_us = 0;  // of the proxy, per unit
  double rate = 0;    // units a second
  double p50_us = 0;
  double p99_us = 0;
  double first_byte_us = 0;  // the median
  double busy = 0;           // share of the proxy's core that the proxy used
  double foreign = 0;        // share of a core that others used, on the worse of the two
  double stolen = 0;         // … that the machine did not get at all
  int tries = 1;
};

struct Comparison {
  Scenario scenario;
  std::array<std::vector<Run>, std::size(k_kinds)> runs;  // in the order of k_kinds

  std::vector<double> cpu_of(Kind kind) const;
  Kind better_peer() const;
  Ratio ratio() const;
  bool is_met() const { return ratio().of_minima <= scenario.bar; }
};

// Says what it does as it goes.  An empty comparison: it was interrupted.
Comparison compare(const Scenario& scenario, const CompareOptions& options);

// What the way through a proxy adds to an event's median delay, in microseconds, by kind: events
// one at a time, beside the same without a proxy.
std::array<double, std::size(k_kinds)> added_delay(const Scenario& scenario,
                                                   const CompareOptions& options);

void print(const Comparison& comparison);
json::object to_json(const Comparison& comparison);

}  // namespace hitless::bench
