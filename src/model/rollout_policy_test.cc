#include "model/rollout_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hitless::model {
namespace {

Result<RolloutPolicy> read(std::string_view text) {
  return rollout_policy_from_json(parse_json(text).value());
}

TEST(RolloutPolicy, IsTheSameAfterWritingAndReading) {
  const auto policy = read(R"({"strategy": "canary", "overlap": "queue", "drop_budget": 3,
      "steps": [{"weight": 5, "bake_seconds": 60}, {"weight": 100, "bake_seconds": 0.5}],
      "judgement": {"error_ratio": 4, "silence": "wait", "enabled": false, "proving_seconds": 1.5},
      "slow_start_seconds": 30})");
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(policy->strategy, Strategy::canary);
  EXPECT_EQ(policy->steps[1].bake, std::chrono::milliseconds(500));
  EXPECT_EQ(policy->judgement.proving, std::chrono::milliseconds(1500));
  const auto again = rollout_policy_from_json(to_json(*policy));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, *policy);
  EXPECT_EQ(*read("{}"), RolloutPolicy());
}

TEST(RolloutPolicy, RefusesWithTheFieldAndTheReason) {
  struct Row {
    const char* body;
    const char* said;
  };
  const Row rows[] = {
      {R"({"strategie": "surge"})", "[strategie] is not known; there are: strategy"},
      {R"({"strategy": "big_bang"})",
       "field [strategy] must be one of surge, shrink, hold_and_swap, blue_green, canary; leave it "
       "out"},
      {R"({"strategy": "none"})", "leave it out"},
      {R"({"strategy": "canary", "steps": [{"weight": 0}]})", "field [steps[0].weight] must be"},
      {R"({"strategy": "canary", "steps": [{"weight": 50}, {"weight": 50}]})",
       "[steps[1].weight] must be more"},
      {R"({"steps": [{"weight": 50}]})", "[steps] belongs to strategy canary"},
      {R"({"strategy": "surge", "bake_seconds": 1})", "[bake_seconds] belongs to"},
      {R"({"strategy": "canary", "bake_seconds": -1})", "[bake_seconds] must be from 0"},
      {R"({"overlap": "fight"})", "field [overlap] must be one of supersede, queue, refuse"},
      {R"({"judgement": {"error_ratio": 1}})", "field [judgement.error_ratio] must be"},
      {R"({"judgement": {"proving_seconds": -1}})",
       "field [judgement.proving_seconds] must be from 0 to 3600"},
      {R"({"judgement": {"proving_seconds": 3601}})", "[judgement.proving_seconds] must be"},
      {R"({"judgement": {"proving_seconds": "10"}})", "judgement.proving_seconds"},
      {R"({"drop_budget": -1})", "[drop_budget]"},
      {R"({"judgement": {"silence": "shout"}})",
       "field [judgement.silence] must be one of advance, wait, warm_up"},
      {R"({"judgement": 1})", "field [judgement] must be an object"},
      {R"({"strategy": "canary", "steps": [{"bake_seconds": 1}]})",
       "field [steps[0].weight] is required"},
      {R"({"strategy": "canary", "steps": [7]})", "field [steps[0]] must be an object"},
      {R"([])", "must be an object"},
  };
  for (const Row& row : rows) {
    const auto policy = read(row.body);
    ASSERT_FALSE(policy) << row.body;
    EXPECT_EQ(policy.error().code(), Code::invalid) << row.body;
    EXPECT_THAT(policy.error().text(), testing::HasSubstr(row.said)) << row.body;
  }
}

}  // namespace
}  // namespace hitless::model
