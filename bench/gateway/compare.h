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
  // Many and short: the machine's mood lasts for seconds, and should be the same for all three.
  int rounds = 16;
  std::chrono::milliseconds warm_up{150};
  std::chrono::milliseconds time{700};  // of a run
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

  bool is_quiet() const;
};

// One run of each, right after each other; in the order of k_kinds.
using Round = std::array<Run, std::size(k_kinds)>;

struct Comparison {
  Scenario scenario;
  std::vector<Round> rounds;  // those that count
  int disturbed = 0;          // of them, because there were not enough quiet ones

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
