#include "control/sides.h"

#include <gtest/gtest.h>

namespace hitless::control {
namespace {

model::Outcomes counted(std::uint64_t requests, std::uint64_t failed = 0) {
  model::Outcomes made;
  made.requests = requests;
  made.failed = failed;
  return made;
}

model::Group group(const std::string& key) {
  model::Group made;
  made.key = key;
  return made;
}

class Sides : public testing::Test {
 protected:
  Sides() {
    rollout_.id = model::RolloutId("r1");
    plan_.from = 1;
    plan_.to = 2;
    plan_.slots = {{group("old"), group("new"), 1, 0}, {group("same"), group("same"), 1, 0}};
  }
  rollout::View view(const GroupCounts& now) {
    rollout::View made;
    made.plan = plan_;
    keep_window(window_, rollout_, now);
    fill_sides(made, *window_, now);
    return made;
  }

  model::Rollout rollout_;
  model::Plan plan_;
  std::optional<SideWindow> window_;
};

TEST_F(Sides, AreWhatCameSinceTheStepBegan) {
  view({{"old", counted(100)}, {"same", counted(50)}});
  const rollout::View later =
      view({{"old", counted(130)}, {"new", counted(20)}, {"same", counted(90)}});
  EXPECT_EQ(later.old_side.requests, 30U);
  EXPECT_EQ(later.new_side.requests, 20U);
  rollout_.step = 1;
  EXPECT_EQ(view({{"old", counted(131)}, {"new", counted(21)}}).new_side.requests, 0U);
  EXPECT_EQ(view({{"old", counted(131)}, {"new", counted(25)}}).new_side.requests, 4U);
}

TEST_F(Sides, KnowWhenRequestsLastCame) {
  const auto look = [&](int second, std::uint64_t old_count, std::uint64_t new_count) {
    const GroupCounts now{{"old", counted(old_count)}, {"new", counted(new_count)}};
    rollout::View made = view(now);
    made.now = Time(std::chrono::seconds(second));
    note_requests(made, *window_, now);
    return made.requests_at;
  };
  EXPECT_EQ(look(1, 100, 0), std::nullopt) << "older than the rollout";
  EXPECT_EQ(look(2, 101, 0), Time(std::chrono::seconds(2)));
  EXPECT_EQ(look(3, 101, 0), Time(std::chrono::seconds(2)));
  EXPECT_EQ(look(4, 101, 1), Time(std::chrono::seconds(4)));
}

// A swap's requests are parked, and known before they are answered.
TEST_F(Sides, HearOfThoseWhoWereParkedBeforeTheyAreAnswered) {
  plan_.hold = std::chrono::seconds(30);
  GroupCounts now{{"old", counted(100)}};
  view(now);
  now["new"].held = 3;
  rollout::View made = view(now);
  made.now = Time(std::chrono::seconds(2));
  note_requests(made, *window_, now);
  EXPECT_EQ(made.requests_at, made.now);
}

// In the rollout's window it did next to nothing: what it is held by is what it ever did.
TEST_F(Sides, OfASwapHaveAllOfTheOldSidesPastOnceItIsGone) {
  plan_.hold = std::chrono::seconds(30);
  const GroupCounts now{{"old", counted(100)}};
  rollout::InstanceView old;
  old.recorded.group = "old";
  old.recorded.stage = model::Stage::ready;
  const auto with_old = [&](model::Stage stage) {
    old.recorded.stage = stage;
    rollout::View made;
    made.plan = plan_;
    made.instances = {old};
    keep_window(window_, rollout_, now);
    fill_sides(made, *window_, now);
    return made.old_side.requests;
  };
  EXPECT_EQ(with_old(model::Stage::ready), 0U);
  EXPECT_EQ(with_old(model::Stage::stopping), 100U);
  EXPECT_EQ(with_old(model::Stage::gone), 100U);
  plan_.judgement.enabled = false;
  EXPECT_EQ(with_old(model::Stage::gone), 0U);
}

TEST_F(Sides, ForPeopleAreWhatLeavesAndWhatComesSinceTheRolloutBegan) {
  plan_.slots.push_back({group("gone"), std::nullopt, 0, 0});
  view({{"old", counted(100)}, {"same", counted(50)}, {"gone", counted(7)}});
  rollout_.step = 1;
  const GroupCounts now{
      {"old", counted(130)}, {"new", counted(20)}, {"same", counted(90)}, {"gone", counted(9)}};
  view(now);
  const SideTraffic sides = sides_of(plan_, *window_, now);
  EXPECT_EQ(sides.old_side.requests, 32U);
  EXPECT_EQ(sides.new_side.requests, 20U);
}

TEST_F(Sides, DroppedIsOfTheWholeRolloutAndNotOwedToTheOldSide) {
  view({{"", counted(5, 5)}, {"old", counted(100, 9)}});
  rollout_.step = 1;
  const GroupCounts now{{"", counted(7, 6)}, {"old", counted(120, 19)}, {"new", counted(10, 2)}};
  EXPECT_EQ(view(now).dropped, 3U);
  plan_.from = 0;
  EXPECT_EQ(view(now).dropped, 2U);
}

TEST_F(Sides, DroppedGoesOnInTheNextServe) {
  view({{"", counted(5, 5)}, {"new", counted(1, 1)}});
  EXPECT_FALSE(window_->is_stored);
  window_.reset();
  EXPECT_EQ(view({{"", counted(8, 7)}, {"new", counted(9, 2)}}).dropped, 3U);
  EXPECT_TRUE(window_->is_stored);
  // A gateway that died with its newest counts never makes it less than nothing.
  EXPECT_EQ(view({{"", counted(4, 4)}, {"new", counted(9, 2)}}).dropped, 1U);
}

TEST_F(Sides, WhatWasLostBeforeStaysWithTheRolloutWhenItIsReadAgain) {
  view({{"new", counted(4, 4)}});
  rollout_.lost_before.reset();
  EXPECT_EQ(view({{"new", counted(9, 6)}}).dropped, 2U);
  ASSERT_TRUE(rollout_.lost_before);
  EXPECT_EQ(rollout_.lost_before->at("new"), 4U);
}

model::Evidence some_evidence() {
  model::Evidence made;
  made.measures = {{.name = "errors",
                    .what = "",
                    .old_events = 1,
                    .old_total = 100,
                    .new_events = 9,
                    .new_total = 100,
                    .log_ratio = 2.5,
                    .seen = {1, 120, 9, 110}}};
  return made;
}

TEST_F(Sides, EvidenceStaysWholeInTheNextServeWhenItIsNotAddedToAnyMore) {
  rollout_.plan = plan_;
  const auto kept = [&](model::Phase phase, int step) {
    rollout_.phase = phase;
    rollout_.step = step;
    rollout_.evidence = some_evidence();
    window_.reset();
    view({{"old", counted(100)}});
    return rollout_.evidence == some_evidence();
  };
  EXPECT_TRUE(kept(model::Phase::draining, 1));
  EXPECT_TRUE(kept(model::Phase::rolling_back, 0));
  EXPECT_TRUE(kept(model::Phase::shifting, 1)) << "it has proved";
  EXPECT_FALSE(kept(model::Phase::shifting, 0));
  rollout_.plan.steps = {{50, {}}, {100, {}}};
  EXPECT_FALSE(kept(model::Phase::baking, 1));
}

TEST_F(Sides, EvidenceOfAnEarlierServeGoesOnWithWhatWasCounted) {
  rollout_.phase = model::Phase::baking;
  rollout_.evidence = some_evidence();
  view({{"old", counted(100)}});
  const model::Measure& measure = rollout_.evidence->measures.front();
  EXPECT_EQ(measure.seen, model::Tally()) << "the counters begin anew";
  EXPECT_EQ(measure.old_total, 100U);
  EXPECT_EQ(measure.log_ratio, 2.5);
  rollout_.evidence->measures.front().seen.old_total = 7;
  view({{"old", counted(110)}});
  EXPECT_EQ(rollout_.evidence->measures.front().seen.old_total, 7U);
}

model::Usage usage(std::vector<model::RevisionUsage> rows) {
  return {.gateway = "g", .adopted = 1, .instances = {}, .revisions = std::move(rows)};
}

TEST(TrafficBook, CountsGroupsApartAndTogether) {
  const model::ServiceId service("s");
  TrafficBook book;
  book.take(usage({{service, 0, counted(1), {}},
                   {service, 1, counted(10), "a"},
                   {service, 2, counted(20), "a"},
                   {service, 2, counted(5), "b"},
                   {model::ServiceId("t"), 1, counted(1000), "a"}}),
            Time{});
  EXPECT_EQ(book.reading(service, Time{}).total.requests, 36U);
  const GroupCounts groups = book.groups(service);
  EXPECT_EQ(groups.at("a").requests, 30U);
  EXPECT_EQ(groups.at("b").requests, 5U);
  EXPECT_EQ(groups.at("").requests, 1U);
  TrafficBook restored;
  const auto stored = parse_json(to_json_text(book.to_json()));
  ASSERT_TRUE(stored);
  ASSERT_TRUE(restored.restore(*stored));
  EXPECT_EQ(restored.groups(service), groups);
}

TEST(Samples, WrongAnswersThatTheGatewayTookForRightAreErrors) {
  rollout::View view;
  view.now = Time(std::chrono::seconds(100));
  view.new_side.requests = 50;
  view.new_side.by_class[5] = 3;
  take_samples(view, {.answered = 100, .unseen_old = 1, .unseen_new = 7, .done_at = {}});
  EXPECT_EQ(view.new_side.by_class[5], 10U);
  EXPECT_EQ(view.old_side.by_class[5], 1U);
  EXPECT_FALSE(view.samples_done);
}

TEST(Samples, AreDoneWhenTheGatewayHadTimeToCountThem) {
  rollout::View view;
  view.now = Time(std::chrono::seconds(100));
  take_samples(view, {.answered = 100, .done_at = view.now});
  EXPECT_FALSE(view.samples_done);
  take_samples(view, {.answered = 100, .done_at = view.now - std::chrono::seconds(1)});
  EXPECT_TRUE(view.samples_done);
  view.samples_done = false;
  take_samples(view, {.answered = 0, .done_at = view.now});
  EXPECT_TRUE(view.samples_done) << "there were none to send";
}

}  // namespace
}  // namespace hitless::control
