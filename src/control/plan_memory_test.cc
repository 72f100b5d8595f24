#include "control/plan_memory.h"

#include <gtest/gtest.h>

#include "control/limits.h"
#include "control/pool_standing.h"

namespace hitless::control {
namespace {

model::Plan some_plan() {
  model::Plan plan;
  plan.service = model::ServiceId("s1");
  plan.from = 2;
  plan.to = 3;
  plan.strategy = model::Strategy::surge;
  plan.reason = "there is room";
  plan.slots.resize(1);
  plan.hash = "h";
  return plan;
}

TEST(PlanMemory, SaysWhatMoved) {
  struct Row {
    const char* want;
    void (*move)(model::Plan&);
  };
  const Row rows[] = {
      {"it is for service s1, not s2", [](auto& plan) { plan.service = model::ServiceId("s2"); }},
      {"revision 5 serves now, not revision 2", [](auto& plan) { plan.from = 5; }},
      {"nothing serves now, revision 2 did", [](auto& plan) { plan.from = 0; }},
      {"another change was accepted since: it would make revision 4, not 3",
       [](auto& plan) { plan.to = 4; }},
      {"this body changes something else than that plan does",
       [](auto& plan) { plan.changes.resize(1); }},
      {"the pool's room has changed: the strategy would be hold_and_swap (full), it was surge",
       [](auto& plan) {
         plan.strategy = model::Strategy::hold_and_swap;
         plan.reason = "full";
       }},
      {"the pool's room has changed: 1 fits; before: there is room",
       [](auto& plan) {
         plan.slots[0].surge = 1;
         plan.reason = "1 fits";
       }},
  };
  for (const Row& row : rows) {
    model::Plan now = some_plan();
    row.move(now);
    EXPECT_EQ(moved_text(some_plan(), now), row.want);
  }
}

TEST(PlanMemory, RefusesAHashItDoesNotKnowInGeneralWords) {
  PlanMemory memory;
  const Error unknown = memory.outdated("h", some_plan());
  EXPECT_EQ(unknown.code(), Code::conflict);
  EXPECT_NE(unknown.text().find("another service or another body"), std::string::npos);
  memory.keep(some_plan());
  model::Plan now = some_plan();
  now.from = 9;
  EXPECT_NE(memory.outdated("h", now).text().find("revision 9 serves now"), std::string::npos);
}

TEST(PlanMemory, ForgetsTheOldest) {
  PlanMemory memory;
  memory.keep(some_plan());
  for (std::size_t index = 0; index < k_plans_kept; ++index) {
    model::Plan other = some_plan();
    other.hash = std::to_string(index);
    memory.keep(other);
  }
  EXPECT_NE(memory.outdated("h", some_plan()).text().find("another body"), std::string::npos);
}

TEST(PoolStanding, CountsOfTheServiceExactlyWhatServes) {
  PoolStanding pool;
  pool.room.memory_mib = 100;
  pool.own = {{.memory_mib = 10}, {.memory_mib = 10}, {.memory_mib = 30}};  // one is superseded
  pool.leaving = {{.memory_mib = 7}};
  model::Revision serving;
  serving.config.entries.resize(1);
  serving.config.entries[0].instance_count = 2;
  serving.config.entries[0].resources.memory_mib = 10;
  EXPECT_EQ(room_beside(pool, serving).memory_mib, 130);
  EXPECT_EQ(room_beside(pool, std::nullopt).memory_mib, 150);
  EXPECT_EQ(room_to_come(pool, serving).memory_mib, 137);
}

}  // namespace
}  // namespace hitless::control
