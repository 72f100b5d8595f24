// For every small world: a plan is refused, or what it starts fits the room it was made for, and it
// comes to its end there.  Reckoned without the planner's own rehearsal.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rollout/plan.h"
#include "rollout/sim/course.h"

namespace hitless::rollout {
namespace {

using model::Strategy;

struct Small {
  int from = 1, to = 1, surge = 1, unavailable = 0, spare = 0;
  std::int64_t old_size = 1, new_size = 1;
  std::optional<Strategy> strategy;

  std::string text() const {
    return fmt::format("{}×{} to {}×{}, surge {}, unavailable {}, spare {}, {}", from, old_size, to,
                       new_size, surge, unavailable, spare,
                       strategy ? to_text(*strategy) : "no strategy");
  }
};

PlanInput input_of(const Small& small) {
  PlanInput input;
  input.service = model::ServiceId("5e3d1c7a-0000");
  const auto side = [&](const char* model, int count, std::int64_t size) {
    model::Revision made;
    model::ConfigEntry& entry = made.config.entries.emplace_back();
    entry.model = model::ModelId(model);
    entry.instance_count = count;
    entry.resources.memory_mib = size;
    entry.knobs.max_surge = small.surge;
    entry.knobs.max_unavailable = small.unavailable;
    return made;
  };
  input.from = side("a", small.from, small.old_size);
  input.from->number = 1;
  input.to = side("b", small.to, small.new_size);
  input.to->number = 2;
  input.to->config.policy.strategy = small.strategy;
  input.room.memory_mib = small.spare;
  input.capacity.memory_mib = small.spare + small.from * small.old_size;
  return input;
}

// What is allowed by the plan's numbers alone: start where ceiling and room allow, else take out
// one old instance if the floor allows.  Empty when it gets to the end.
std::string play(const PlanInput& input, const model::Plan& plan) {
  const model::Slot& slot = plan.slots[0];
  std::int64_t free = input.room.memory_mib;
  int old = slot.from->count;
  int fresh = 0;
  const int floor = std::max(0, std::min(old, slot.to->count) - slot.unavailable);
  const int ceiling = std::max(old, slot.to->count) + slot.surge;
  int lowest = old;
  int highest = old;
  while (fresh < slot.to->count) {
    if (old + fresh < ceiling && free >= slot.to->needs.memory_mib) {
      ++fresh;
      free -= slot.to->needs.memory_mib;
      highest = std::max(highest, old + fresh);
    } else if (old > 0 && old + fresh > floor) {
      --old;
      free += slot.from->needs.memory_mib;
      lowest = std::min(lowest, old + fresh);
    } else {
      return fmt::format("stuck with {} old and {} new, {} free", old, fresh, free);
    }
  }
  lowest = std::min(lowest, fresh);
  if (lowest < plan.forecast.lowest) return fmt::format("serves with {} only", lowest);
  if (highest > plan.forecast.highest) return fmt::format("runs {} at once", highest);
  return "";
}

template <class Try>
void for_each_world(Try attempt) {
  Small small;
  for (small.from = 1; small.from <= 6; ++small.from) {
    for (small.to = 1; small.to <= 6; ++small.to) {
      for (small.surge = 0; small.surge <= 3; ++small.surge) {
        for (small.unavailable = 0; small.unavailable <= 2; ++small.unavailable) {
          for (small.spare = 0; small.spare <= 7; ++small.spare) attempt(small);
        }
      }
    }
  }
}

constexpr std::optional<Strategy> k_strategies[] = {
    std::nullopt,         Strategy::surge,         Strategy::shrink,
    Strategy::blue_green, Strategy::hold_and_swap, Strategy::canary};

TEST(PlanRoom, NoPlanNeedsMoreThanThereIs) {
  int worlds = 0;
  int refused = 0;
  for_each_world([&](Small small) {
    for (const auto& strategy : k_strategies) {
      for (const auto& [old_size, new_size] : {std::pair(1, 1), std::pair(1, 2), std::pair(2, 1)}) {
        small.strategy = strategy;
        small.old_size = old_size;
        small.new_size = new_size;
        const PlanInput input = input_of(small);
        const auto plan = plan_change(input);
        ++worlds;
        if (!plan) {
          ++refused;
          EXPECT_TRUE(plan.error().code() == Code::invalid ||
                      plan.error().code() == Code::exhausted);
          const bool fits = small.to * small.new_size <= input.capacity.memory_mib;
          EXPECT_TRUE(strategy || !fits) << small.text() << ": " << plan.error().text();
          continue;
        }
        EXPECT_EQ(play(input, *plan), "") << small.text();
      }
    }
  });
  EXPECT_GT(worlds, 60'000);
  EXPECT_GT(refused, 1000);
  RecordProperty("worlds", worlds);
}

// The real step in the same room.  Strategies with steps are the simulator's own property tests'.
TEST(PlanRoom, StepGetsThroughInIt) {
  for_each_world([&](Small small) {
    if (small.spare > 2) return;
    const PlanInput input = input_of(small);
    const auto plan = plan_change(input);
    if (!plan) return;
    Course course(World(input.service, small.from + small.spare), false);
    PlanInput before;
    before.service = input.service;
    before.kind = model::RolloutKind::deploy;
    before.to = input.from;
    course.world.serve(plan_change(before).value());
    course.world.begin(*plan);
    for (int turn = 0; turn < 400 && !is_terminal(course.world.phase()); ++turn) {
      if (course.round().changed) continue;
      course.advance();
    }
    EXPECT_EQ(course.world.phase(), model::Phase::succeeded)
        << small.text() << ": " << course.why();
    EXPECT_TRUE(course.failures().empty()) << small.text() << ": " << course.failures()[0];
  });
}

}  // namespace
}  // namespace hitless::rollout
