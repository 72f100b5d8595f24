// Which requests a rollout's report calls its own.
#include "control/reporter.h"

#include <gtest/gtest.h>

#include "control/limits.h"
#include "tests/support/store_values.h"

namespace hitless::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using store::at;

class ReporterTest : public store::StoreTest {
 protected:
  void SetUp() override {
    state_.service = add("s", "speech");
    state_.rollout = store().find_rollout(state_.service.rollout).value();
    count({});
    ASSERT_TRUE(reporter_.begin(state_, at(10)));
  }

  void count(model::Outcomes outcomes) {
    model::Usage usage{.gateway = "g", .adopted = 1, .instances = {}, .revisions = {}};
    usage.revisions.push_back(
        {.service = state_.service.id, .revision = 1, .outcomes = std::move(outcomes)});
    traffic_.take(usage, at(10));
  }

  void succeed(Time now) {
    state_.rollout->phase = model::Phase::succeeded;
    state_.rollout->phase_at = now;
    ASSERT_TRUE(store().update_rollout(*state_.rollout));
  }

  model::Report stored(const model::RolloutId& id) {
    return store().find_rollout(id).value().report;
  }

  ServiceState state_;
  TrafficBook traffic_;
  Reporter reporter_{store(), traffic_};
};

model::Outcomes outcomes(std::uint64_t requests, std::uint64_t held, std::uint64_t held_done) {
  model::Outcomes made;
  made.requests = requests;
  made.held = held;
  made.held_done = held_done;
  return made;
}

TEST_F(ReporterTest, EndsWithTheRollout) {
  count(outcomes(7, 2, 2));
  succeed(at(20));
  ASSERT_TRUE(reporter_.end(state_, at(20)));
  ASSERT_TRUE(stored(state_.rollout->id).during);
  EXPECT_EQ(stored(state_.rollout->id).during->outcomes.requests, 7U);
}

TEST_F(ReporterTest, HasTheAnswersOfRequestsThatWereParked) {
  count(outcomes(7, 3, 1));  // two are on their way
  succeed(at(20));
  ASSERT_TRUE(reporter_.end(state_, at(20)));
  EXPECT_FALSE(stored(state_.rollout->id).during);
  EXPECT_EQ(reporter_.due(state_), at(20) + k_held_answers_wait);

  count(outcomes(9, 3, 3));
  ASSERT_TRUE(reporter_.end(state_, at(20) + milliseconds(300)));
  ASSERT_TRUE(stored(state_.rollout->id).during);
  EXPECT_EQ(stored(state_.rollout->id).during->outcomes.requests, 9U);
}

TEST_F(ReporterTest, WaitsForTheParkedNoLongerThanItsLimit) {
  count(outcomes(7, 3, 1));  // one of them is a stream
  succeed(at(20));
  ASSERT_TRUE(reporter_.end(state_, at(20) + k_held_answers_wait));
  EXPECT_TRUE(stored(state_.rollout->id).during);
}

TEST_F(ReporterTest, WritesWhatTheStoreRefusedWhenItTakesItAgain) {
  let_reports_be_refused();
  Reporter reporter(store(), traffic_);
  count(outcomes(7, 0, 0));
  succeed(at(20));
  refuse_reports(true);
  EXPECT_FALSE(reporter.end(state_, at(20)));
  ASSERT_TRUE(reporter.due(state_));

  refuse_reports(false);
  ASSERT_TRUE(reporter.end(state_, at(21)));
  ASSERT_TRUE(stored(state_.rollout->id).during);
  EXPECT_EQ(stored(state_.rollout->id).during->end, at(20));

  refuse_reports(true);
  EXPECT_FALSE(reporter.complete(state_, at(30)));
  ASSERT_TRUE(reporter.due(state_));
  refuse_reports(false);
  ASSERT_TRUE(reporter.complete(state_, at(31)));
  EXPECT_TRUE(stored(state_.rollout->id).after);
  EXPECT_FALSE(reporter.due(state_));
}

TEST_F(ReporterTest, TellsOfASupersededRolloutUntilTheNextOneBegan) {
  const model::RolloutId first = state_.rollout->id;
  count(outcomes(40, 0, 0));
  state_.rollout->id = model::RolloutId("next");
  ASSERT_TRUE(reporter_.restore(state_, at(30)));
  ASSERT_TRUE(stored(first).during);
  EXPECT_EQ(stored(first).during->outcomes.requests, 40U);
  EXPECT_EQ(stored(first).during->begin, at(10));
  EXPECT_EQ(stored(first).during->end, at(30));
}

// A serve that was killed between the change and its first look finds the reading of the one
// before.
TEST_F(ReporterTest, LeavesAReportThatIsWholeAsItIs) {
  const model::RolloutId first = state_.rollout->id;
  count(outcomes(7, 0, 0));
  succeed(at(20));
  ASSERT_TRUE(reporter_.end(state_, at(20)));
  count(outcomes(100, 0, 0));
  state_.rollout->id = model::RolloutId("next");
  ASSERT_TRUE(reporter_.restore(state_, at(30)));
  EXPECT_EQ(stored(first).during->outcomes.requests, 7U);
}

}  // namespace
}  // namespace hitless::control
