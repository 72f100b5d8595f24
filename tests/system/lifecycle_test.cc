// Start, stop, delete and changes on top of changes, under load.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

// Every request got a whole answer: 200, or plainly that nobody serves.
void expect_plain_answers(const Outcome& outcome) {
  EXPECT_EQ(outcome.count(Ending::answered), outcome.requests) << describe(outcome);
  for (const auto& [status, count] : outcome.by_status) {
    EXPECT_TRUE(status == 200 || status == 503 || (status >= 400 && status < 500))
        << describe(outcome);
  }
}

class Lifecycle : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }
};

TEST_F(Lifecycle, StoppedServicesAnswerPlainlyAndStartAgain) {
  start({{.model_id = import("v1"), .count = 2}});
  go_on(requests_wanted() / 3);
  ASSERT_EQ(service().wait_for_end(service().set_status("stopped")), "succeeded");
  EXPECT_EQ(service().status(), "stopped");
  const std::uint64_t good_while_running = load().totals().good;
  EXPECT_TRUE(eventually([&] { return hitless().processes().size() <= 2; }))
      << hitless().processes().size() << " processes left";
  go_on(1000);
  last_rollout_ = service().set_status("running");
  ASSERT_EQ(service().wait_for_end(last_rollout_), "succeeded");
  const std::uint64_t good_before = load().totals().good;
  go_on(requests_wanted() / 3);
  EXPECT_GT(load().totals().good, good_before + requests_wanted() / 4);
  EXPECT_TRUE(load().wait_for(requests_wanted()));
  const Outcome outcome = load().stop();
  EXPECT_GT(good_while_running, 0U);
  expect_plain_answers(outcome);
  expect_counted_alike();
}

TEST_F(Lifecycle, DeletedServicesAnswerNotFound) {
  start({{.model_id = import("v1"), .count = 2}});
  go_on(requests_wanted() / 2);
  EXPECT_EQ(hitless().api("DELETE", service().path()).status, 200);
  EXPECT_TRUE(eventually([&] { return hitless().get(service().path()).status == 404; }));
  EXPECT_TRUE(eventually([&] { return hitless().processes().size() <= 2; }));
  const std::uint64_t good = load().totals().good;
  EXPECT_TRUE(load().wait_for(requests_wanted()));
  const Outcome outcome = load().stop();
  expect_plain_answers(outcome);
  EXPECT_GT(outcome.by_status.count(404), 0U) << describe(outcome);
  EXPECT_LE(outcome.good, good + 20);
}

TEST_F(Lifecycle, AnUpdateOfAnUpdateLosesNothing) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "300"});
  const std::string v3 = import("v3", {"--start-delay-ms", "50"});
  start({{.model_id = v1, .count = 2}});
  const std::string first = service().update({{.model_id = v2, .count = 2}});
  EXPECT_TRUE(service().wait_for_phase(first, "starting"));
  go_on(300);
  EXPECT_EQ(change({{.model_id = v3, .count = 2}}), "succeeded");
  EXPECT_EQ(service().phase(first), "superseded");
  expect_settled(last_rollout(), 2);
  // The other way round: superseded while the old side drains.
  const std::string second = service().update({{.model_id = v1, .count = 2}});
  service().wait_for_phase(second, "draining");
  EXPECT_EQ(change({{.model_id = v2, .count = 3}}), "succeeded");
  expect_settled(last_rollout(), 3);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Lifecycle, AStopDuringAnUpdateEndsBoth) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "300"});
  start({{.model_id = v1, .count = 2}});
  go_on(requests_wanted() - load().ended());
  const std::string first = service().update({{.model_id = v2, .count = 2}});
  EXPECT_TRUE(service().wait_for_phase(first, "starting"));
  EXPECT_EQ(load().totals().failed(), 0U) << describe(load().totals());
  const std::string stop = service().set_status("stopped");
  EXPECT_EQ(service().wait_for_end(stop), "succeeded");
  EXPECT_EQ(service().phase(first), "superseded");
  EXPECT_EQ(service().status(), "stopped");
  EXPECT_TRUE(eventually([&] { return hitless().processes().size() <= 2; }));
  expect_plain_answers(load().stop());
}

TEST_F(Lifecycle, SeveralChangesInARowUnderOneLoad) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(change({{.model_id = i % 2 == 0 ? v2 : v1, .count = 2 + i % 3}}), "succeeded");
  }
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
