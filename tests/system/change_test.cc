// Changes that go well or are taken back, under load: no request may notice.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

class Change : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  // What a client sees after a change that was taken back.
  void expect_taken_back(const std::string& old_model) {
    EXPECT_EQ(service().status(), "running");
    EXPECT_EQ(model_served(), old_model);
    const ApiAnswer logs = hitless().get(service().path() + "/logs");
    ASSERT_EQ(logs.status, 200) << logs.text;
    const json::array updates = logs.object().at("logs").as_array();
    ASSERT_FALSE(updates.empty()) << logs.text;
    EXPECT_EQ(updates.front().as_object().at("result").as_string(), "FAIL") << logs.text;
    const json::object rollout = service().rollout(last_rollout());
    EXPECT_FALSE(rollout.at("reason").as_string().empty());
  }
};

TEST_F(Change, UpgradesTwoInstances) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}), "succeeded");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), v2);
  expect_no_failure();
  EXPECT_GT(load().totals().good_of("v1"), 0U);
  EXPECT_GT(load().totals().good_of("v2"), 0U);
  expect_counted_alike();
}

TEST_F(Change, UpgradesFourInstancesAndBack) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "100"});
  start({{.model_id = v1, .count = 4}});
  EXPECT_EQ(change({{.model_id = v2, .count = 4}}), "succeeded");
  expect_settled(last_rollout(), 4);
  EXPECT_EQ(change({{.model_id = v1, .count = 4}}), "succeeded");
  expect_settled(last_rollout(), 4);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Change, UpgradesModelsThatListenOnPortsAndCloseIdleConnections) {
  const std::string v1 =
      import_model(hitless(), {.version = "v1", .flags = {"--idle-ms", "15"}, .listen = "tcp"});
  const std::string v2 =
      import_model(hitless(), {.version = "v2", .flags = {"--idle-ms", "7"}, .listen = "tcp"});
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}), "succeeded");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
}

TEST_F(Change, ChangesVariablesByReplacingInstances) {
  const std::string v1 = import("v1");
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v1, .count = 2, .envs = {{"THRESHOLD", "0.5"}}}}), "succeeded");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  EXPECT_EQ(load().totals().by_revision.size(), 2U) << describe(load().totals());
}

TEST_F(Change, TakesBackAVersionThatIsNeverReady) {
  const std::string v1 = import("v1");
  const std::string bad = import("bad", {"--ready-after-ms", "-1"}, 0);
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = bad, .count = 2}}), "rolled_back");
  expect_settled(last_rollout(), 2);
  expect_taken_back(v1);
  expect_no_failure();
  EXPECT_EQ(load().totals().good_of("bad"), 0U);
  expect_counted_alike();
}

TEST_F(Change, TakesBackAVersionThatExceedsItsDeployTimeout) {
  const std::string v1 = import("v1");
  const std::string slow = import("slow", {"--never-listen"});
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = slow, .count = 2, .deploy_timeout_seconds = 2}}), "rolled_back");
  expect_settled(last_rollout(), 2);
  expect_taken_back(v1);
  expect_no_failure();
}

TEST_F(Change, TakesBackAVersionThatCrashesAtTheStart) {
  const std::string v1 = import("v1");
  const std::string bad = import("bad", {"--crash-after-ms", "0"});
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = bad, .count = 2}}), "rolled_back");
  expect_settled(last_rollout(), 2);
  expect_taken_back(v1);
  expect_no_failure();
}

// It passes its probe, so it gets traffic; the crash may cost what is in flight on it and no more.
TEST_F(Change, TakesBackAVersionThatCrashesOnceItIsReady) {
  const std::string v1 = import("v1");
  // Three starts of 400 ms, one after the other, each over before the one before it crashes: the
  // rollout cannot be through before three have crashed.
  const std::string bad =
      import("bad", {"--start-delay-ms", "400", "--crash-after-ready-ms", "150"});
  start({{.model_id = v1, .count = 3}});
  EXPECT_EQ(change({{.model_id = bad, .count = 3}}), "rolled_back");
  expect_taken_back(v1);
  EXPECT_TRUE(load().wait_for(requests_wanted(), std::chrono::minutes(5)));
  const Outcome outcome = load().stop();
  const json::object rollout = service().rollout(last_rollout());
  const std::int64_t crashes =
      rollout.at("report").as_object().at("instances_failed").to_number<std::int64_t>();
  EXPECT_GT(crashes, 0);
  const LoadOptions defaults;
  const auto at_once =
      static_cast<std::uint64_t>(defaults.kept_connections * 2 + defaults.fresh_connections);
  EXPECT_LE(outcome.failed(), at_once * static_cast<std::uint64_t>(crashes)) << describe(outcome);
  EXPECT_EQ(outcome.count(Ending::refused), 0U) << describe(outcome);
  EXPECT_EQ(outcome.count(Ending::wrong_body), 0U) << describe(outcome);
  fmt::print("{} instances crashed: {}", crashes, describe(outcome));
}

TEST_F(Change, ScalesUp) {
  const std::string v1 = import("v1");
  start({{.model_id = v1, .count = 1}});
  EXPECT_EQ(change({{.model_id = v1, .count = 4}}), "succeeded");
  expect_settled(last_rollout(), 4);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Change, ScalesDown) {
  const std::string v1 = import("v1");
  start({{.model_id = v1, .count = 4}});
  EXPECT_EQ(change({{.model_id = v1, .count = 1}}), "succeeded");
  expect_settled(last_rollout(), 1);
  expect_no_failure();
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
