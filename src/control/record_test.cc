#include "control/record.h"

#include <gtest/gtest.h>

#include "control/limits.h"

namespace hitless::control {
namespace {

using std::chrono::milliseconds;

Time at(Duration since) {
  return Time(std::chrono::hours(1)) + since;
}

model::Evidence evidence(std::uint64_t requests) {
  model::Evidence made;
  made.measures.emplace_back().new_total = requests;
  return made;
}

// A paused rollout, of which nothing but the evidence moves.
struct Paused {
  ServiceState state;
  rollout::Decision decision;

  Paused() {
    model::Rollout& rollout = state.rollout.emplace();
    rollout.id = model::RolloutId("r");
    rollout.phase = model::Phase::baking;
    rollout.why = "paused";
    rollout.orders.paused_at = at({});
    state.service.status = model::ServiceStatus::deploying;
    decision.phase = rollout.phase;
    decision.why = rollout.why;
  }

  std::optional<model::Rollout> look(Duration since) {
    rollout::View view;
    view.now = at(since);
    view.phase = state.rollout->phase;
    const Recording recording = record_of(state, view, decision);
    EXPECT_FALSE(recording.rows.journal) << "evidence alone is no row of the journal";
    if (!recording.rows.rollout) return std::nullopt;
    if (recording.rows.rollout->evidence != state.rollout->evidence) state.evidence_at = view.now;
    state.rollout = recording.rows.rollout;
    state.service = recording.rows.service.value_or(state.service);
    return state.rollout;
  }
};

TEST(RecordOf, KeepsWhatEachStepEndedWith) {
  Paused paused;
  model::Rollout& rollout = *paused.state.rollout;
  rollout.plan.steps = {{10, {}}, {50, {}}, {100, {}}};
  for (int look = 0; look < 6; ++look) {
    paused.decision.evidence = evidence(static_cast<std::uint64_t>(look));
    paused.decision.evidence->step = look / 2;
    paused.look(look * 2 * k_evidence_interval);
  }
  ASSERT_TRUE(rollout.evidence);
  EXPECT_EQ(rollout.evidence->measures.front().new_total, 5U);
  ASSERT_EQ(rollout.earlier.size(), 2U);
  for (std::size_t step = 0; step < 2; ++step) {
    EXPECT_EQ(rollout.earlier[step].step, static_cast<int>(step));
    EXPECT_EQ(rollout.earlier[step].measures.front().new_total, 2 * step + 1) << "its last look";
  }
}

TEST(RecordOf, KeepsAtOnceWhoIsCalled) {
  Paused paused;
  paused.decision.evidence = evidence(1);
  ASSERT_TRUE(paused.look({}));
  paused.decision.evidence->called = model::Called::both;
  EXPECT_TRUE(paused.look(milliseconds(1)));
}

TEST(RecordOf, KeepsEvidenceOnceASecondWhileNothingElseHappens) {
  Paused paused;
  paused.look({});
  EXPECT_FALSE(paused.look(milliseconds(10))) << "nothing is new";
  paused.decision.evidence = evidence(1);
  const auto first = paused.look(milliseconds(20));
  ASSERT_TRUE(first) << "limits that were just fixed are kept at once";
  EXPECT_EQ(first->evidence, evidence(1));
  EXPECT_NE(first->progress_at, at(milliseconds(20))) << "it is no progress";

  paused.decision.evidence = evidence(2);
  EXPECT_FALSE(paused.look(milliseconds(500)));
  const auto later = paused.look(milliseconds(20) + k_evidence_interval);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->evidence, evidence(2));
}

TEST(RecordOf, SaysThatRoomIsShortWhenThePoolRefusedAStart) {
  Paused paused;
  paused.look({});
  model::Instance starting;
  starting.id = model::InstanceId("i");
  paused.state.instances.push_back(starting);
  paused.state.short_of[starting.id] = "no free port";
  rollout::View view;
  view.now = at(milliseconds(10));
  view.phase = paused.state.rollout->phase;
  const Recording recording = record_of(paused.state, view, paused.decision);
  ASSERT_TRUE(recording.rows.rollout);
  EXPECT_TRUE(recording.rows.rollout->lacks_room);
  ASSERT_EQ(recording.rows.events.size(), 1U);
  EXPECT_EQ(recording.rows.events.front().key, "no-resources");
}

}  // namespace
}  // namespace hitless::control
