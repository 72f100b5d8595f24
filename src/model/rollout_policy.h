// How a service wants to be changed.  Class "note": a change of it touches no instance and holds
// from the next rollout on.  Values; hitless's own addition to the contract (docs/contract.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace hitless::model {

// How instances are exchanged.
enum class Strategy {
  none,           // no instance is: only in plans
  surge,          // new ones start first, up to max_surge beside the old
  shrink,         // old ones stop first, up to max_unavailable may be missing
  hold_and_swap,  // no room for one more: requests are parked while old stops and new starts
  blue_green,     // a whole new set, one switch, the old set kept warm for a while
  canary,         // a share of the traffic at a time, with a pause to judge after each
};

// One step of canary and blue/green: this much of the traffic is on the new side, for so long.
struct BakeStep {
  int weight = 100;  // percent of what the replaced entries get
  Duration bake{};
  friend bool operator==(const BakeStep&, const BakeStep&) = default;
};

// The least number of instances that carries so much percent of what `count` carry.
constexpr int part_of(int count, int percent) {
  return (count * percent + 99) / 100;
}

// A change during a change.
enum class Overlap {
  supersede,  // takes its place at once
  queue,      // waits for its end; a later one takes the waiting one's place
  refuse,     // is answered with a conflict
};

// What decides when the new side had too few requests to be judged by.
enum class Silence {
  advance,  // it has started and answers its probe: good enough
  wait,     // for as long as it takes
  warm_up,  // the model's warm-up requests are sent as samples; without any: advance
};

// The new side is judged against the old one in the same window, by a sequential
// test.
struct Judgement {
  bool enabled = true;
  std::uint64_t requests_min = 50;  // of the new side, before anything is said about it
  double error_ratio = 2;           // this many times the old side's rate must be noticed
  // Slower than the old side's quantile by this factor and by this much is slow: by the first slack
  // than its median, by the second than its 99th percentile, where one stall of a machine shows.
  double latency_factor = 1.5;
  Duration latency_slack = std::chrono::milliseconds(2);
  Duration tail_slack = std::chrono::milliseconds(25);
  double false_alarm = 0.01;  // at the most, that an equal version is taken back
  double miss = 0.05;         // that one worse by error_ratio is not noticed in its sample
  Silence silence = Silence::advance;
  // Without steps: how long the last old instance stays warm for a verdict once the new ones serve,
  // as long as requests come.  At a few requests a second it is the smallest sample.
  Duration proving = std::chrono::seconds(10);
  friend bool operator==(const Judgement&, const Judgement&) = default;
};

struct RolloutPolicy {
  std::optional<Strategy> strategy;  // none: the planner picks by knobs and free capacity
  std::vector<BakeStep> steps;       // canary; empty: k_canary_steps of rollout/limits.h
  Duration bake{};  // blue/green: how long the old set is kept warm; 0: k_blue_green_bake there
  Overlap overlap = Overlap::supersede;
  Judgement judgement;
  std::uint64_t drop_budget = 0;  // requests that may be lost before the rollout turns round
  Duration slow_start{};          // a new instance's share rises to its full one over this time
  friend bool operator==(const RolloutPolicy&, const RolloutPolicy&) = default;
};

std::string_view to_text(Strategy strategy);
Result<Strategy> strategy_from_text(std::string_view text);
std::string_view to_text(Overlap overlap);
std::string_view to_text(Silence silence);

// The wire's form and the store's: durations are seconds.  Reading is strict, because users write
// it: an unknown member, a value outside its range and knobs that contradict each other are
// invalid, and the text names the field.
json::value to_json(const RolloutPolicy& policy);
Result<RolloutPolicy> rollout_policy_from_json(const json::value& value);

json::value to_json(const BakeStep& step);
Result<BakeStep> bake_step_from_json(const json::value& value);
json::value to_json(const Judgement& judgement);
Result<Judgement> judgement_from_json(const json::value& value);

}  // namespace hitless::model
