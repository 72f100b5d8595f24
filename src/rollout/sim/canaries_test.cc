// The promises of the judgement, held against whole canaries: plan_change makes the plan, step()
// carries it through its steps, a pretend world answers by chance, in the windows that control
// builds.  Every program run prints its seed; HITLESS_SEED=n runs another, or that one again.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>

#include "rollout/judge.h"
#include "rollout/phase.h"
#include "rollout/plan.h"
#include "rollout/sim/effort.h"
#include "rollout/sim/world.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using std::chrono::seconds;

constexpr int k_canaries = k_sanitized ? 50 : 1000;

std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("HITLESS_SEED");
    const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : 20240611;
    std::cout << "HITLESS_SEED=" << value << "\n";
    return value;
  }();
  return chosen;
}

// What of `runs` with such a probability is exceeded in a hundredth of the cases (binomial).
int allowed(double probability, int runs) {
  double log_each = runs * std::log1p(-probability);
  double below = 0;
  for (int count = 0; count < runs; ++count) {
    below += std::exp(log_each);
    if (below >= 0.99) return count;
    log_each += std::log(static_cast<double>(runs - count) / (count + 1)) +
                std::log(probability / (1 - probability));
  }
  return runs;
}

struct Trial {
  model::RolloutPolicy policy;
  int per_second = 100;
  Manner old_side;
  Manner new_side;
  std::optional<Manner> both_later;  // half a minute after the start
};

struct End {
  Phase phase = Phase::planned;
  std::string reason;
  std::uint64_t new_requests = 0;  // that the last look counted
};

model::Revision revision(int number, const char* model, const model::RolloutPolicy& policy) {
  model::ConfigEntry entry;
  entry.model = model::ModelId(model);
  entry.instance_count = 4;
  model::Revision made;
  made.number = number;
  made.config.entries.push_back(entry);
  made.config.policy = policy;
  return made;
}

model::Plan plan_of(const std::optional<model::Revision>& from, const model::Revision& to) {
  PlanInput input;
  input.service = model::ServiceId("sim");
  input.kind = from ? model::RolloutKind::update : model::RolloutKind::deploy;
  input.from = from;
  input.to = to;
  return plan_change(input).value();
}

void react(World& world) {
  for (int round = 0; round < 50; ++round) {
    const Phase before = world.phase();
    const Decision decision = step(world.view());
    const bool published = decision.route == world.published_route();
    world.record(decision);
    world.perform();
    if (decision.moves.empty() && decision.starts.empty() && decision.phase == before && published)
      return;
  }
  ADD_FAILURE() << "it does not come to rest";
}

End run(const Trial& trial, std::mt19937_64& random) {
  const model::Revision a = revision(1, "A", trial.policy);
  const model::Revision b = revision(2, "B", trial.policy);
  World world(model::ServiceId("sim"), 100);
  world.traffic.per_second = trial.per_second;
  world.traffic.random = &random;
  world.serve(plan_of(std::nullopt, a));
  const model::Plan plan = plan_of(a, b);
  for (const model::Slot& slot : plan.slots) {
    world.manners[slot.from->key] = trial.old_side;
    world.manners[slot.to->key] = trial.new_side;
  }
  world.begin(plan);
  for (int second = 0; second < 3600 && !is_end(world.phase()); ++second) {
    if (second == 30 && trial.both_later) {
      for (auto& [group, manner] : world.manners) manner = *trial.both_later;
    }
    react(world);
    world.advance(seconds(1));
  }
  End end{.phase = world.phase(), .reason = world.view().reason};
  if (!world.evidence()) return end;
  const model::Measure& errors = world.evidence()->measures.front();
  end.new_requests = errors.new_total + errors.apart.new_total;
  return end;
}

int taken_back(const Trial& trial) {
  std::mt19937_64 random(seed());
  int count = 0;
  std::string reason;
  for (int canary = 0; canary < k_canaries; ++canary) {
    const End end = run(trial, random);
    EXPECT_TRUE(is_end(end.phase)) << model::to_text(end.phase);
    if (end.phase != Phase::rolled_back) continue;
    ++count;
    reason = end.reason;
  }
  std::cout << count << " of " << k_canaries << " taken back; the last one: " << reason << "\n";
  return count;
}

model::RolloutPolicy canary(double false_alarm) {
  model::RolloutPolicy policy;
  policy.strategy = model::Strategy::canary;
  policy.steps = {{10, seconds(40)}, {50, seconds(20)}, {100, seconds(20)}};
  policy.judgement.false_alarm = false_alarm;
  return policy;
}

TEST(Canaries, WithEqualSidesAreTakenBackNoMoreOftenThanStated) {
  for (const double false_alarm : {0.01, 0.1}) {
    const Trial trial{.policy = canary(false_alarm),
                      .old_side = {.errors = 5},
                      .new_side = {.errors = 5},
                      .both_later = std::nullopt};
    EXPECT_LE(taken_back(trial), allowed(false_alarm, k_canaries)) << false_alarm;
  }
}

TEST(Canaries, WithEqualSidesAreNotBlamedForAWorldThatWorsens) {
  for (const int errors : {15, 20}) {
    Trial trial{.policy = canary(0.01),
                .old_side = {.errors = 1},
                .new_side = {.errors = 1},
                .both_later = Manner{.errors = errors, .latency = std::chrono::milliseconds(90)}};
    EXPECT_LE(taken_back(trial), allowed(0.01, k_canaries)) << errors;
    trial.policy.strategy = model::Strategy::blue_green;
    trial.policy.steps.clear();
    EXPECT_LE(taken_back(trial), allowed(0.01, k_canaries)) << errors << ", blue/green";
  }
}

TEST(Canaries, WithADoubledErrorRateAreTakenBackWithinTheStatedSample) {
  Trial trial{.policy = canary(0.01),
              .per_second = 200,
              .old_side = {.errors = 5},
              .new_side = {.errors = 10},
              .both_later = std::nullopt};
  trial.policy.steps[0].bake = std::chrono::hours(1);
  const Passage sample = expected_sample(trial.policy.judgement, 0.05, 0.1, 3);
  std::mt19937_64 random(seed());
  int within = 0;
  double average = 0;
  for (int canary = 0; canary < k_canaries; ++canary) {
    const End end = run(trial, random);
    const auto spent = static_cast<double>(end.new_requests);
    within += end.phase == Phase::rolled_back && spent <= sample.within ? 1 : 0;
    average += spent / k_canaries;
  }
  std::cout << "stated: " << sample.average << " on the average, " << sample.within
            << " at the most; found: " << average << ", " << within << " of " << k_canaries << "\n";
  EXPECT_GE(within, k_canaries - allowed(trial.policy.judgement.miss, k_canaries));
  // A look a second counts up to twenty requests more than were needed.
  EXPECT_LE(average, 1.05 * sample.average + 20);
}

}  // namespace
}  // namespace hitless::rollout
