// Which strategy a plan takes, what it refuses, and with which words.
#include <gtest/gtest.h>

#include "rollout/plan.h"

namespace hitless::rollout {
namespace {

using model::BakeStep;
using model::Strategy;
using std::chrono::seconds;

model::ConfigEntry entry(const std::string& model, int count, std::int64_t memory = 1024,
                         int weight = 100) {
  model::ConfigEntry made;
  made.model = model::ModelId(model);
  made.instance_count = count;
  made.weight = weight;
  made.resources.memory_mib = memory;
  return made;
}

model::Revision revision(model::RevisionNumber number, std::vector<model::ConfigEntry> entries) {
  model::Revision made;
  made.number = number;
  made.config.entries = std::move(entries);
  return made;
}

Room memory(std::int64_t mebibytes) {
  Room room;
  room.memory_mib = mebibytes;
  return room;
}

// An update of `count` instances of a gibibyte each, in a pool with so much left.
PlanInput update(int count, std::int64_t free_mib, model::RolloutPolicy policy = {}) {
  PlanInput input;
  input.service = model::ServiceId("5e3d1c7a-0000");
  input.from = revision(1, {entry("a", count)});
  input.to = revision(2, {entry("b", count)});
  input.to->config.policy = std::move(policy);
  input.room = memory(free_mib);
  input.capacity = memory(free_mib + count * 1024);
  return input;
}

model::RolloutPolicy named(Strategy strategy) {
  model::RolloutPolicy policy;
  policy.strategy = strategy;
  return policy;
}

model::Plan planned(const PlanInput& input) {
  auto plan = plan_change(input);
  EXPECT_TRUE(plan) << plan.error().text();
  return plan ? *plan : model::Plan();
}

std::string refused(const PlanInput& input, Code code) {
  const auto plan = plan_change(input);
  EXPECT_FALSE(plan);
  if (plan) return "";
  EXPECT_EQ(plan.error().code(), code) << plan.error().text();
  return plan.error().text();
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Strategy, IsPickedByKnobsAndRoom) {
  struct Row {
    const char* name;
    int count;
    double surge, unavailable;
    std::int64_t free_mib;
    Strategy want;
    int want_surge, want_unavailable, lowest, highest;
  };
  const Row rows[] = {
      {"room for one more", 3, 1, 0, 1024, Strategy::surge, 1, 0, 3, 4},
      {"room for all that surge allows", 3, 2, 0, 4096, Strategy::surge, 2, 0, 3, 5},
      {"surge is cut to what fits", 4, 3, 0, 2048, Strategy::surge, 2, 0, 4, 6},
      {"no room, one may be missing", 3, 1, 1, 0, Strategy::shrink, 0, 1, 2, 3},
      {"room, and one may be missing", 3, 1, 1, 1024, Strategy::surge, 1, 1, 2, 4},
      {"surge 0", 3, 0, 1, 9000, Strategy::shrink, 0, 1, 2, 3},
      {"no room and none may be missing", 3, 1, 0, 0, Strategy::hold_and_swap, 0, 1, 2, 3},
      {"not quite room", 3, 1, 0, 1023, Strategy::hold_and_swap, 0, 1, 2, 3},
      {"one instance, no room", 1, 1, 0, 0, Strategy::hold_and_swap, 0, 1, 0, 1},
      {"one instance that may be missing", 1, 1, 1, 0, Strategy::shrink, 0, 1, 0, 1},
  };
  for (const Row& row : rows) {
    PlanInput input = update(row.count, row.free_mib);
    input.to->config.entries[0].knobs.max_surge = row.surge;
    input.to->config.entries[0].knobs.max_unavailable = row.unavailable;
    const model::Plan plan = planned(input);
    EXPECT_EQ(plan.strategy, row.want) << row.name;
    EXPECT_EQ(plan.slots[0].surge, row.want_surge) << row.name;
    EXPECT_EQ(plan.slots[0].unavailable, row.want_unavailable) << row.name;
    EXPECT_EQ(plan.forecast.lowest, row.lowest) << row.name;
    EXPECT_EQ(plan.forecast.highest, row.highest) << row.name;
    EXPECT_EQ(plan.hold > Duration{}, row.lowest == 0) << row.name;
    // How long requests would be parked is not known before the first start.
    EXPECT_EQ(plan.forecast.hitless, row.want != Strategy::hold_and_swap && row.lowest > 0)
        << row.name;
    EXPECT_TRUE(plan.steps.empty()) << row.name;
  }
}

TEST(Strategy, SaysWhyItWasPicked) {
  EXPECT_EQ(planned(update(3, 1024)).reason,
            "1 extra instance runs meanwhile, none may be missing");
  PlanInput limited = update(4, 2048);
  limited.to->config.entries[0].knobs.max_surge = 3;
  EXPECT_EQ(planned(limited).reason,
            "the pool has room for 2 of the 3 extra instances that max_surge allows, none may be "
            "missing");
  EXPECT_EQ(planned(update(2, 0)).reason,
            "there is no room for one more instance and none may be missing, so old and new ones "
            "change places");
}

TEST(Strategy, BlueGreenStartsAWholeSecondSetAndBakes) {
  model::RolloutPolicy policy = named(Strategy::blue_green);
  policy.bake = seconds(120);
  const model::Plan plan = planned(update(3, 3072, policy));
  EXPECT_EQ(plan.strategy, Strategy::blue_green);
  EXPECT_EQ(plan.slots[0].surge, 3);
  EXPECT_EQ(plan.slots[0].unavailable, 0);
  EXPECT_EQ(plan.steps, (std::vector<BakeStep>{{100, seconds(120)}}));
  EXPECT_EQ(planned(update(3, 3072, named(Strategy::blue_green))).steps[0].bake, seconds(60))
      << "nobody said";
  EXPECT_EQ(plan.forecast.lowest, 3);
  EXPECT_EQ(plan.forecast.highest, 6);
  EXPECT_EQ(refused(update(3, 3071, policy), Code::exhausted),
            "there is no room for this change: strategy blue_green starts the whole new set beside "
            "the old one: 3 × 1024 MiB = 3072 MiB of memory are needed, 3071 MiB are free");
}

TEST(Strategy, CanaryTakesTheStepsOfThePolicyOrTheUsualOnes) {
  struct Row {
    const char* name;
    std::vector<BakeStep> steps;
    Duration bake;
    std::vector<BakeStep> want;
    int count, surge;
  };
  const Row rows[] = {
      {"usual", {}, {}, {{10, seconds(60)}, {50, seconds(60)}, {100, {}}}, 4, 2},
      {"own", {{25, seconds(5)}}, {}, {{25, seconds(5)}, {100, {}}}, 8, 2},
      {"last bakes", {{25, seconds(5)}}, seconds(9), {{25, seconds(5)}, {100, seconds(9)}}, 8, 2},
      {"whole", {{100, seconds(5)}}, {}, {{100, seconds(5)}}, 2, 2},
      {"one instance", {{1, seconds(5)}}, {}, {{1, seconds(5)}, {100, {}}}, 1, 1},
  };
  for (const Row& row : rows) {
    model::RolloutPolicy policy = named(Strategy::canary);
    policy.steps = row.steps;
    policy.bake = row.bake;
    const model::Plan plan = planned(update(row.count, 9000, policy));
    EXPECT_EQ(plan.strategy, Strategy::canary) << row.name;
    EXPECT_EQ(plan.steps, row.want) << row.name;
    EXPECT_EQ(plan.slots[0].surge, row.surge) << row.name;
    EXPECT_EQ(plan.forecast.lowest, row.count) << row.name;
    EXPECT_TRUE(plan.forecast.hitless) << row.name;
  }
}

TEST(Strategy, CanaryNeedsRoomForItsFirstStepAndSaysSo) {
  model::RolloutPolicy policy = named(Strategy::canary);
  policy.steps = {{30, seconds(1)}, {60, seconds(1)}};
  EXPECT_EQ(refused(update(10, 2048, policy), Code::exhausted),
            "there is no room for this change: strategy canary starts 30 % of the new instances "
            "beside all old ones: 3 × 1024 MiB = 3072 MiB of memory are needed, 2048 MiB are free");
  const model::Plan plan = planned(update(10, 4096, policy));
  EXPECT_EQ(plan.slots[0].surge, 4);
  EXPECT_TRUE(has(plan.reason, "for want of room")) << plan.reason;
  EXPECT_EQ(plan.forecast.lowest, 10);
}

TEST(Strategy, GoesByNameWhereThatIsPossible) {
  EXPECT_EQ(planned(update(3, 9000, named(Strategy::hold_and_swap))).strategy,
            Strategy::hold_and_swap);
  EXPECT_EQ(planned(update(3, 9000, named(Strategy::surge))).strategy, Strategy::surge);
  PlanInput shrink = update(3, 9000, named(Strategy::shrink));
  shrink.to->config.entries[0].knobs.max_unavailable = 2;
  const model::Plan plan = planned(shrink);
  EXPECT_EQ(plan.strategy, Strategy::shrink);
  EXPECT_EQ(plan.slots[0].surge, 0);
  EXPECT_EQ(plan.slots[0].unavailable, 2);
}

TEST(Strategy, OfAChangeThatReplacesNothingIsNone) {
  PlanInput input = update(2, 9000, named(Strategy::canary));
  input.to->config.entries[0].model = model::ModelId("a");
  input.to->config.entries[0].instance_count = 4;
  const model::Plan plan = planned(input);
  EXPECT_EQ(plan.strategy, Strategy::none);
  EXPECT_TRUE(plan.steps.empty());
  EXPECT_TRUE(plan.forecast.hitless);
  EXPECT_EQ(plan.forecast.lowest, 2);
  EXPECT_EQ(plan.forecast.highest, 4);
}

TEST(Strategy, RefusesKnobsThatContradictIt) {
  EXPECT_EQ(refused(update(3, 9000, named(Strategy::shrink)), Code::invalid),
            "field [config[0].additional_properties.max_unavailable] lets none of 3 be missing, "
            "but strategy shrink takes out old instances first");
  PlanInput surge = update(3, 9000, named(Strategy::surge));
  surge.to->config.entries[0].knobs.max_surge = 0;
  surge.to->config.entries[0].knobs.max_unavailable = 1;
  EXPECT_TRUE(has(refused(surge, Code::invalid), "max_surge] is 0"));
  model::RolloutPolicy canary = named(Strategy::canary);
  canary.steps = {{10, seconds(1)}, {100, seconds(5)}};
  canary.bake = seconds(9);
  EXPECT_TRUE(has(refused(update(3, 9000, canary), Code::invalid), "rollout_policy.bake_seconds"));
}

TEST(Strategy, RefusesWhatWouldWaitForEverWithTheArithmetic) {
  EXPECT_EQ(refused(update(3, 512, named(Strategy::surge)), Code::exhausted),
            "there is no room for this change: strategy surge starts one instance more: 1 × 1024 "
            "MiB = 1024 MiB of memory are needed, 512 MiB are free");

  PlanInput larger = update(2, 1024);  // 3 GiB in all
  larger.to->config.entries[0].resources.memory_mib = 4096;
  EXPECT_EQ(refused(larger, Code::invalid),
            "field [config[0].specification] is more than the pool can ever hold: 1 × 4096 MiB = "
            "4096 MiB of memory are needed, 3072 MiB are in the whole pool");

  larger.to->config.entries[0].resources.memory_mib = 2048;
  EXPECT_EQ(refused(larger, Code::invalid),
            "field [config] is more than the pool can ever hold: 2 × 2048 MiB = 4096 MiB of memory "
            "are needed, 3072 MiB are in the whole pool");

  larger.capacity = memory(9000);  // others have the rest
  EXPECT_EQ(refused(larger, Code::exhausted),
            "there is no room for this change: config[0] would wait for ever for 1 of its 2 "
            "instances: 1 × 2048 MiB = 2048 MiB of memory are needed, 1024 MiB are free once all "
            "has left that may leave before");

  PlanInput grows = update(2, 1024);
  grows.capacity = memory(90000);
  grows.to->config.entries[0].model = model::ModelId("a");
  grows.to->config.entries[0].instance_count = 4;
  EXPECT_EQ(refused(grows, Code::exhausted),
            "there is no room for this change: 2 × 1024 MiB = 2048 MiB of memory are needed, 1024 "
            "MiB are free");
}

TEST(Strategy, CountsEveryKindOfRoom) {
  PlanInput input = update(2, 9000);
  for (auto* side : {&input.from, &input.to}) {
    (*side)->config.entries[0].resources = {.cpu_millis = 1500, .memory_mib = 10, .gpus = 1};
  }
  input.to->config.policy = named(Strategy::surge);
  input.room.cpu_millis = 1000;
  EXPECT_TRUE(has(refused(input, Code::exhausted),
                  "1 × 1.5 cores = 1.5 cores are needed, 1 cores are free"));
  input.room.cpu_millis = 1500;
  input.room.gpus = 0;
  EXPECT_TRUE(has(refused(input, Code::exhausted), "1 × 1 = 1 GPUs are needed, 0 are free"));
  input.room.gpus = 1;
  input.room.instances = 0;
  EXPECT_TRUE(has(refused(input, Code::exhausted), "1 places for instances are needed, 0 are"));
  input.room.instances = 1;
  EXPECT_EQ(planned(input).strategy, Strategy::surge);
}

TEST(Strategy, LetsAsManyOldOnesLeaveAsLargerNewOnesNeed) {
  PlanInput input = update(4, 2048);  // 4 × 1 GiB and 2 GiB free, to 2 × 3 GiB
  input.to->config.entries[0] = entry("b", 2, 3072);
  const model::Plan plan = planned(input);
  EXPECT_EQ(plan.strategy, Strategy::hold_and_swap);
  EXPECT_EQ(plan.forecast.lowest, 1);

  PlanInput two = update(2, 2048);  // 2 × 1 GiB and 2 GiB free, to 2 × 2 GiB
  two.to->config.entries[0] = entry("b", 2, 2048);
  const model::Plan swapped = planned(two);
  EXPECT_EQ(swapped.strategy, Strategy::hold_and_swap);
  EXPECT_EQ(swapped.slots[0].unavailable, 1);
  EXPECT_EQ(swapped.forecast.lowest, 1);
}

TEST(Strategy, SharesTheRoomAmongEntries) {
  PlanInput input;
  input.from = revision(1, {entry("a", 2, 1024, 50), entry("b", 2, 1024, 50)});
  input.to = revision(2, {entry("c", 2, 1024, 50), entry("d", 2, 1024, 50)});
  input.room = memory(2048);
  EXPECT_EQ(planned(input).strategy, Strategy::surge);
  input.room = memory(1024);  // the second entry has none left
  const model::Plan plan = planned(input);
  EXPECT_EQ(plan.strategy, Strategy::hold_and_swap);
  EXPECT_EQ(plan.slots[0].surge, 1);
  EXPECT_EQ(plan.slots[1].surge, 0);
  EXPECT_EQ(plan.slots[1].unavailable, 1);
  EXPECT_EQ(plan.forecast.lowest, 3);
  EXPECT_FALSE(plan.forecast.hitless) << "one is missing, and none may be";
}

}  // namespace
}  // namespace hitless::rollout
