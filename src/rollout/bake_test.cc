// How a slot's weight is divided, how shares rise, and what a step's bake waits for.
#include "rollout/bake.h"

#include <gtest/gtest.h>

#include "rollout/slow_start.h"
#include "rollout/split.h"

namespace hitless::rollout {
namespace {

using std::chrono::seconds;

model::Group group(const std::string& key, int count) {
  model::Group made;
  made.key = key;
  made.count = count;
  made.weight = 100;
  made.deploy_timeout = seconds(60);
  return made;
}

View canary(std::vector<model::BakeStep> steps) {
  View view;
  view.now = Time(seconds(1000));
  view.plan.from = 1;
  view.plan.to = 2;
  view.plan.steps = std::move(steps);
  view.plan.slots = {{group("a", 4), group("b", 4), 1, 0}};
  return view;
}

TEST(Split, KeepsEachSidesPartWithinWhatIsReadyOfIt) {
  struct Row {
    const char* name;
    Strength goal, other;
    int percent;
    Split want;
  };
  const Row rows[] = {
      {"exact", {1, 4}, {4, 4}, 10, {1, 9}},
      {"nothing before the first step", {1, 4}, {4, 4}, 0, {0, 1}},
      {"all at the last", {4, 4}, {4, 4}, 100, {1, 0}},
      {"the new side is not strong enough", {1, 4}, {4, 4}, 50, {1, 3}},
      {"the old side is not strong enough", {2, 4}, {3, 4}, 10, {1, 3}},
      {"neither is: every instance the same", {1, 4}, {2, 4}, 10, {1, 2}},
      {"the old side is gone", {1, 4}, {0, 4}, 0, {1, 0}},
      {"the new side is gone", {0, 4}, {1, 4}, 100, {0, 1}},
      {"more than its count is no more", {8, 4}, {1, 4}, 100, {1, 0}},
      {"counts that differ", {1, 2}, {6, 6}, 33, {33, 67}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(split_weight(row.goal, row.other, row.percent), row.want) << row.name;
  }
}

TEST(Split, IsWithinWhatIsReadyWheneverThatIsEnough) {
  for (int new_ready = 1; new_ready <= 6; ++new_ready) {
    for (int old_ready = 1; old_ready <= 6; ++old_ready) {
      for (int percent = 0; percent <= 100; ++percent) {
        const Split split = split_weight({new_ready, 6}, {old_ready, 6}, percent);
        const std::int64_t whole = split.goal + split.other;
        ASSERT_GT(whole, 0);
        if (new_ready + old_ready < 6) continue;
        EXPECT_LE(split.goal * 6, new_ready * whole);
        EXPECT_LE(split.other * 6, old_ready * whole);
      }
    }
  }
}

TEST(Bake, WantsTheLeastNumberThatCarriesAWeight) {
  EXPECT_EQ(model::part_of(4, 10), 1);
  EXPECT_EQ(model::part_of(4, 25), 1);
  EXPECT_EQ(model::part_of(4, 26), 2);
  EXPECT_EQ(model::part_of(4, 0), 0);
  EXPECT_EQ(model::part_of(128, 100), 128);
}

TEST(Bake, TakesAPlanWithoutReplacementsForOneWithoutSteps) {
  View view = canary({{10, seconds(1)}});
  EXPECT_TRUE(is_stepped(view.plan));
  view.plan.slots[0].to->key = "a";
  EXPECT_FALSE(is_stepped(view.plan));
}

TEST(Bake, IsOverByTimeOrWhenSkipped) {
  View view = canary({{10, seconds(30)}, {100, seconds(60)}});
  EXPECT_EQ(bake_end(view), std::nullopt);
  view.baking_at = view.now - seconds(10);
  EXPECT_EQ(bake_end(view), view.now + seconds(20));
  view.step = 1;
  view.orders.skip = 1;
  EXPECT_EQ(bake_end(view), view.now + seconds(50));
  view.orders.skip = 2;
  EXPECT_EQ(bake_end(view), view.now);
}

TEST(Bake, WaitsForRequestsAsThePolicySays) {
  View view = canary({{10, seconds(30)}});
  view.plan.judgement.requests_min = 50;
  view.new_side.requests = 49;
  view.plan.judgement.silence = model::Silence::advance;
  EXPECT_EQ(silence_of(view), "");
  view.plan.judgement.silence = model::Silence::warm_up;
  EXPECT_NE(silence_of(view), "");
  view.samples_done = true;
  EXPECT_EQ(silence_of(view), "");
  view.plan.judgement.silence = model::Silence::wait;
  EXPECT_NE(silence_of(view).find("49 so far"), std::string::npos);
  view.orders.skip = 1;
  EXPECT_EQ(silence_of(view), "");
  view.orders.skip = 0;
  view.new_side.requests = 50;
  EXPECT_EQ(silence_of(view), "");
}

TEST(Bake, WantsSamplesAtItsEndAndNoSooner) {
  View view = canary({{10, seconds(30)}, {100, seconds(60)}});
  view.phase = model::Phase::baking;
  view.plan.judgement.silence = model::Silence::warm_up;
  EXPECT_FALSE(wants_samples(view)) << "it has not begun";
  view.baking_at = view.now - seconds(29);
  EXPECT_FALSE(wants_samples(view));
  view.baking_at = view.now - seconds(30);
  EXPECT_TRUE(wants_samples(view));
  const auto with = [&](auto change) {
    View other = view;
    change(other);
    return wants_samples(other);
  };
  EXPECT_FALSE(with([](View& v) { v.plan.judgement.silence = model::Silence::wait; }));
  EXPECT_FALSE(with([](View& v) { v.plan.judgement.enabled = false; }));
  EXPECT_FALSE(with([](View& v) { v.new_side.requests = v.plan.judgement.requests_min; }));
  EXPECT_FALSE(with([](View& v) { v.orders.paused_at = v.now; }));
  EXPECT_FALSE(with([](View& v) { v.orders.skip = 1; }));
  EXPECT_FALSE(with([](View& v) { v.phase = model::Phase::rolling_back; }));
  EXPECT_FALSE(with([](View& v) { v.samples_done = true; }));
}

TEST(SlowStart, RaisesAShareInTenLevels) {
  View view;
  view.plan.slow_start = seconds(9);
  model::Instance instance;
  instance.routed_at = Time(seconds(100));
  view.now = *instance.routed_at;
  for (int level = 1; level < k_full_share; ++level) {
    EXPECT_EQ(share_level(view, instance), level);
    EXPECT_EQ(next_level_at(view, instance), view.now + seconds(1));
    view.now += seconds(1);
  }
  EXPECT_EQ(share_level(view, instance), k_full_share);
  EXPECT_EQ(next_level_at(view, instance), std::nullopt);
}

TEST(SlowStart, IsAlwaysLaterThanNowAndNeverLoops) {
  View view;
  model::Instance instance;
  instance.routed_at = Time(seconds(100));
  for (int micros : {1, 7, 9, 10, 999'999}) {
    view.plan.slow_start = Duration(micros);
    view.now = *instance.routed_at;
    int levels = 0;
    while (const auto next = next_level_at(view, instance)) {
      ASSERT_GT(*next, view.now);
      view.now = *next;
      ASSERT_LT(++levels, k_full_share);
    }
  }
}

}  // namespace
}  // namespace hitless::rollout
