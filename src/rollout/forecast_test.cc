#include <gtest/gtest.h>

#include <cmath>

#include "rollout/forecast.h"
#include "rollout/judge.h"

namespace hitless::rollout {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

PlanInput update(int count, std::int64_t room) {
  PlanInput input;
  input.service = model::ServiceId("5e3d1c7a-0000");
  for (auto* side : {&input.from, &input.to}) {
    model::Revision& made = side->emplace();
    made.number = side == &input.from ? 1 : 2;
    model::ConfigEntry& entry = made.config.entries.emplace_back();
    entry.model = model::ModelId(side == &input.from ? "a" : "b");
    entry.instance_count = count;
  }
  input.room.instances = room;
  return input;
}

TEST(Forecast, ParksRequestsForACoarseTimeWithinLimits) {
  EXPECT_EQ(hold_for(std::nullopt, minutes(20)), minutes(10)) << "never measured";
  EXPECT_EQ(hold_for(std::nullopt, minutes(1)), minutes(1));
  EXPECT_EQ(hold_for(seconds(1), minutes(20)), seconds(30));
  EXPECT_EQ(hold_for(seconds(10), minutes(20)), seconds(30));
  EXPECT_EQ(hold_for(seconds(11), minutes(20)), seconds(60));
  EXPECT_EQ(hold_for(minutes(2), minutes(20)), minutes(10));
  EXPECT_EQ(hold_for(minutes(9), minutes(20)), minutes(10));
  EXPECT_EQ(hold_for(minutes(9), minutes(3)), minutes(3));
}

TEST(Forecast, ReckonsWavesTimesStartAndBakes) {
  struct Row {
    const char* name;
    int count;
    std::int64_t room;
    double surge;
    Duration want;
  };
  const Row rows[] = {
      {"one after the other", 4, 1, 1, seconds(40)},
      {"two at a time", 4, 2, 2, seconds(20)},
      {"all at once", 4, 9, 4, seconds(10)},
      {"one place", 4, 0, 1, seconds(40)},
  };
  for (const Row& row : rows) {
    PlanInput input = update(row.count, row.room);
    input.to->config.entries[0].knobs.max_surge = row.surge;
    input.start_times[model::ModelId("b")] = seconds(10);
    const auto plan = plan_change(input);
    ASSERT_TRUE(plan) << row.name;
    EXPECT_EQ(plan->forecast.predicted, row.want) << row.name;
  }
  PlanInput canary = update(4, 9);
  canary.to->config.policy.strategy = model::Strategy::canary;
  canary.start_times[model::ModelId("b")] = seconds(10);
  const auto plan = plan_change(canary);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->forecast.predicted, seconds(10 + 60 + 10 + 60 + 10));
}

TEST(Forecast, SaysHowMuchLongerAProofMayTake) {
  PlanInput input = update(4, 9);
  input.start_times[model::ModelId("b")] = seconds(10);
  EXPECT_EQ(plan_change(input)->forecast.proof, input.to->config.policy.judgement.proving);
  const auto swap = plan_change(update(1, 0))->forecast;
  EXPECT_EQ(swap.proof, input.to->config.policy.judgement.proving) << "alone";
  ASSERT_EQ(swap.samples.size(), 1U);
  EXPECT_TRUE(swap.samples[0].is_alone);
  input.to->config.policy.judgement.enabled = false;
  EXPECT_EQ(plan_change(input)->forecast.proof, Duration{});
  input.to->config.policy = {.strategy = model::Strategy::canary,
                             .steps = {},
                             .bake = {},
                             .overlap = {},
                             .judgement = {},
                             .drop_budget = 0,
                             .slow_start = {}};
  EXPECT_EQ(plan_change(input)->forecast.proof, Duration{}) << "its steps bake";
}

TEST(Forecast, SaysHowManyRequestsTheJudgementNeeds) {
  PlanInput input = update(4, 9);
  const model::Judgement usual;
  const auto plain = plan_change(input)->forecast.samples;
  ASSERT_EQ(plain.size(), 1U);
  const Passage half = expected_sample(usual, 0.01, 0.5, 1);
  EXPECT_EQ(plain[0].requests, std::llround(half.average));
  EXPECT_EQ(plain[0].requests_within, std::llround(half.within));
  EXPECT_GT(plain[0].requests_within, plain[0].requests);
  EXPECT_DOUBLE_EQ(plain[0].new_rate, 2 * plain[0].old_rate);
  input.to->config.policy.strategy = model::Strategy::canary;
  const auto steps = plan_change(input)->forecast.samples;
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].requests, std::llround(expected_sample(usual, 0.01, 0.1, 3).average));
  EXPECT_FALSE(steps[1].is_alone);
  EXPECT_TRUE(steps[2].is_alone);
  EXPECT_EQ(steps[2].old_rate, k_alone_rate);
  EXPECT_GT(steps[2].requests, 0);
  input.to->config.policy.judgement.enabled = false;
  EXPECT_TRUE(plan_change(input)->forecast.samples.empty());
}

TEST(Forecast, SaysNothingOfTimeBeforeAStartWasMeasured) {
  const auto plan = plan_change(update(2, 1));
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->forecast.predicted);
}

TEST(Forecast, NamesTheLongestHoldAndWhatItMeansForClients) {
  PlanInput input = update(1, 0);
  input.start_times[model::ModelId("b")] = seconds(15);
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->forecast.longest_hold, seconds(15));
  EXPECT_EQ(plan->hold, seconds(60));
  EXPECT_FALSE(plan->forecast.hitless);
  ASSERT_EQ(plan->forecast.unmet.size(), 1u);
  EXPECT_EQ(plan->forecast.unmet[0],
            "for a while nothing serves: requests are parked for up to 1 min, and clients with a "
            "shorter timeout give up");
}

TEST(Forecast, GivesAStartThatWasNeverMeasuredAllTheTimeThereIsAndSaysSo) {
  PlanInput input = update(1, 0);
  input.to->config.entries[0].knobs.deploy_timeout = minutes(5);
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->hold, minutes(5));
  ASSERT_EQ(plan->forecast.unmet.size(), 2u);
  EXPECT_EQ(plan->forecast.unmet[1],
            "a start of this version was never measured here: how long requests are parked is not "
            "known, it may be all of 5 min");
}

TEST(Forecast, SaysThatMoreAreMissingThanTheServiceAllows) {
  PlanInput input = update(2, 9);
  input.to->config.policy.strategy = model::Strategy::hold_and_swap;
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->forecast.hitless);
  ASSERT_EQ(plan->forecast.unmet.size(), 1u);
  EXPECT_EQ(plan->forecast.unmet[0],
            "for a while 1 of 2 instances serve, and the service allows none to be missing");
  input.to->config.entries[0].knobs.max_unavailable = 1;
  const auto allowed = plan_change(input);
  ASSERT_TRUE(allowed);
  EXPECT_TRUE(allowed->forecast.hitless);
}

TEST(Forecast, AddsTheSlowStartOfEachWaveToItsTime) {
  PlanInput input = update(4, 2);
  input.to->config.entries[0].knobs.max_surge = 2;
  input.to->config.policy.slow_start = seconds(7);
  input.start_times[model::ModelId("b")] = seconds(10);
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->forecast.predicted, seconds(2 * (10 + 7)));
}

TEST(Forecast, CallsAFirstDeploymentAndAStopNotHitless) {
  PlanInput deploy = update(1, 9);
  deploy.from.reset();
  deploy.kind = model::RolloutKind::deploy;
  const auto first = plan_change(deploy);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->forecast.hitless);
  EXPECT_NE(first->forecast.unmet[0].find("nothing serves yet"), std::string::npos);
  PlanInput stop = update(1, 9);
  stop.to.reset();
  stop.kind = model::RolloutKind::stop;
  const auto last = plan_change(stop);
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->forecast.hitless);
  EXPECT_EQ(last->forecast.lowest, 0);
}

TEST(PlanHash, StandsStillWhenOnlyMeasurementsMove) {
  for (const std::int64_t room : {0, 1, 9}) {
    PlanInput one = update(1, room);
    one.start_times[model::ModelId("b")] = seconds(4);
    PlanInput other = one;
    other.start_times[model::ModelId("b")] = seconds(5);
    other.room.memory_mib = 123456;
    const auto first = plan_change(one);
    const auto second = plan_change(other);
    ASSERT_TRUE(first && second);
    EXPECT_NE(first->forecast, second->forecast);
    EXPECT_EQ(first->hash, second->hash);
  }
}

TEST(PlanHash, MovesWithStrategyServiceAndNotes) {
  const PlanInput input = update(1, 1);
  const std::string hash = plan_change(input).value().hash;
  PlanInput full = input;
  full.room.instances = 0;
  PlanInput other = input;
  other.service = model::ServiceId("another");
  PlanInput noted = input;
  noted.notes = {{model::ChangeClass::note, "description", "old", "new"}};
  PlanInput policy = input;
  policy.to->config.policy.drop_budget = 1;
  for (const PlanInput& each : {full, other, noted, policy}) {
    EXPECT_NE(plan_change(each).value().hash, hash);
  }
}

TEST(Plan, KeepsTheConfigurationOfAServiceThatDoesNotRun) {
  PlanInput input = update(2, 0);
  input.keeps = true;
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->slots.empty());
  EXPECT_EQ(plan->strategy, model::Strategy::none);
  EXPECT_EQ(plan->changes.size(), 1u);
  EXPECT_TRUE(plan->forecast.hitless);
}

TEST(Plan, GivesEveryKnobOfThePolicyItsLine) {
  struct Row {
    const char* field;
    const char* from;
    const char* to;
    void (*change)(model::RolloutPolicy&);
  };
  const Row rows[] = {
      {"rollout_policy.strategy", "", "surge",
       [](auto& policy) { policy.strategy = model::Strategy::surge; }},
      {"rollout_policy.overlap", "supersede", "queue",
       [](auto& policy) { policy.overlap = model::Overlap::queue; }},
      {"rollout_policy.judgement.false_alarm", "0.01", "0.010000001",
       [](auto& policy) { policy.judgement.false_alarm = 0.010000001; }},
      {"rollout_policy.judgement.proving_seconds", "10", "0",
       [](auto& policy) { policy.judgement.proving = Duration{}; }},
      {"rollout_policy.judgement.silence", "advance", "wait",
       [](auto& policy) { policy.judgement.silence = model::Silence::wait; }},
      {"rollout_policy.drop_budget", "0", "7", [](auto& policy) { policy.drop_budget = 7; }},
      {"rollout_policy.slow_start_seconds", "0", "2.5",
       [](auto& policy) { policy.slow_start = std::chrono::milliseconds(2500); }},
  };
  for (const Row& row : rows) {
    PlanInput input = update(1, 9);
    input.to->config.entries[0].model = model::ModelId("a");
    row.change(input.to->config.policy);
    const auto plan = plan_change(input);
    ASSERT_TRUE(plan) << row.field;
    const std::vector<model::Change> want{{model::ChangeClass::note, row.field, row.from, row.to}};
    EXPECT_EQ(plan->changes, want) << row.field;
    EXPECT_EQ(plan->strategy, model::Strategy::none) << row.field;
  }
}

// Blue and green both run, and the change goes back to what blue is.
TEST(Forecast, OfAChangeDuringAChangeCountsWhatTheOneUnderWayLeaves) {
  PlanInput input = update(3, 9);
  input.to->config.entries[0].model = input.from->config.entries[0].model;
  const auto rest = plan_change(input);
  ASSERT_TRUE(rest);
  EXPECT_TRUE(rest->forecast.leftovers.empty());
  EXPECT_EQ(rest->forecast.highest, 3);
  const std::string kept = rest->slots.at(0).from->key;

  input.present = {{kept, 1, 2}, {"green", 7, 1}, {"green", 7, 2}, {"red", 8, 1}};
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->forecast.leftovers, (std::vector<model::Leftover>{{7, 3}, {8, 1}}));
  EXPECT_EQ(plan->forecast.restarts, 1) << "two of three are left";
  EXPECT_EQ(plan->forecast.highest, 6) << "as many run now";
  EXPECT_EQ(plan->hash, rest->hash) << "what is carried out is the same";
}

TEST(Forecast, OfAWayBackInAFullPoolLetsWhatWasStartedMakeWay) {
  struct Row {
    const char* name;
    int count;
    std::int64_t room;  // beside all of them
    int stopped;
    int started;
    int unavailable;
    int lowest;
  };
  const Row rows[] = {
      {"the only one", 1, 0, 1, 1, 1, 0},
      {"one of two", 2, 0, 1, 1, 1, 1},
      {"both of two", 2, 0, 2, 2, 1, 1},
      {"there is room for one more", 2, 1, 1, 1, 0, 2},
      {"its place is still free", 2, 0, 1, 0, 0, 2},
  };
  for (const Row& row : rows) {
    PlanInput input = update(row.count, row.room);
    input.to->config.entries[0].model = input.from->config.entries[0].model;
    input.start_times[input.from->config.entries[0].model] = seconds(10);
    input.present.emplace();
    const std::string kept = plan_change(input)->slots.at(0).from->key;
    if (row.count > row.stopped) input.present->push_back({kept, 1, row.count - row.stopped});
    if (row.started > 0) input.present->push_back({"green", 7, row.started});
    const auto plan = plan_change(input);
    ASSERT_TRUE(plan) << row.name;
    EXPECT_EQ(plan->slots.at(0).unavailable, row.unavailable) << row.name;
    EXPECT_EQ(plan->forecast.lowest, row.lowest) << row.name;
    EXPECT_EQ(plan->forecast.hitless, row.unavailable == 0) << row.name;
    EXPECT_EQ(plan->hold, row.lowest == 0 ? seconds(30) : Duration{}) << row.name;
    EXPECT_EQ(plan->forecast.longest_hold, row.lowest == 0 ? seconds(10) : Duration{}) << row.name;
  }
}

TEST(Forecast, OfAChangeDuringAChangeKeepsWhatIsAskedForAgain) {
  PlanInput input = update(2, 9);
  const std::string old = plan_change(input)->slots.at(0).from->key;
  const std::string asked = plan_change(input)->slots.at(0).to->key;
  input.present = {{old, 1, 1}, {asked, 2, 2}};
  const auto plan = plan_change(input);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->forecast.leftovers.empty());
  EXPECT_EQ(plan->forecast.restarts, 0) << "what is replaced need not come back";
  EXPECT_EQ(plan->forecast.highest, 3);
}

}  // namespace
}  // namespace hitless::rollout
