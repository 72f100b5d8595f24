#include "control/orders.h"

#include <gtest/gtest.h>

#include "control/service_state.h"
#include "rollout/phase.h"

namespace hitless::control {
namespace {

using model::Phase;
using std::chrono::seconds;

Time at(int second) {
  return Time(seconds(1'700'000'000 + second));
}

model::Rollout in_phase(Phase phase) {
  model::Rollout rollout;
  rollout.id = model::RolloutId("r");
  rollout.service = model::ServiceId("s");
  rollout.plan.from = 1;
  rollout.plan.to = 2;
  rollout.phase = phase;
  rollout.phase_at = rollout.progress_at = at(10);
  return rollout;
}

model::Rollout next_rollout(model::RolloutKind kind, model::RevisionNumber to) {
  model::Rollout next;
  next.id = model::RolloutId("next");
  next.who = "root";
  next.plan.kind = kind;
  next.plan.to = to;
  return next;
}

RolloutOrder order(Order what, std::string reason = {}) {
  return {.service = model::ServiceId("s"),
          .rollout = model::RolloutId("r"),
          .order = what,
          .who = "ann",
          .reason = std::move(reason)};
}

std::string refusal(model::Rollout rollout, Order what) {
  const auto obeyed = obey(rollout, order(what), at(20));
  if (obeyed) return "obeyed";
  EXPECT_EQ(obeyed.error().code(), Code::conflict);
  return obeyed.error().text();
}

TEST(Orders, AreRefusedOnceARolloutHasEnded) {
  for (const Phase phase : rollout::k_terminal_phases) {
    for (const Order what : {Order::pause, Order::resume, Order::abort, Order::skip}) {
      EXPECT_EQ(refusal(in_phase(phase), what),
                "rollout r has ended: it is " + std::string(to_text(phase)));
    }
  }
}

TEST(Orders, AreRefusedWhereTheyMeanNothing) {
  EXPECT_EQ(refusal(in_phase(Phase::starting), Order::resume),
            "rollout r is not paused: it is starting");
  EXPECT_EQ(refusal(in_phase(Phase::shifting), Order::skip),
            "rollout r has no bake to skip: it is shifting");
  EXPECT_EQ(refusal(in_phase(Phase::rolling_back), Order::abort),
            "rollout r is on its way back already");
  EXPECT_EQ(refusal(in_phase(Phase::rolling_back), Order::pause),
            "rollout r is on its way back, which is not paused");
  model::Rollout paused = in_phase(Phase::starting);
  paused.orders.paused_at = at(15);
  EXPECT_EQ(refusal(paused, Order::pause), "rollout r is paused already");
  for (const auto kind : {model::RolloutKind::stop, model::RolloutKind::remove}) {
    model::Rollout ends = in_phase(Phase::draining);
    ends.plan.kind = kind;
    EXPECT_NE(refusal(ends, Order::abort).find("cannot be aborted"), std::string::npos);
  }
}

TEST(Orders, APauseStopsTheClocks) {
  model::Rollout rollout = in_phase(Phase::baking);
  rollout.baking_at = at(12);
  const auto paused = obey(rollout, order(Order::pause, "lunch"), at(20));
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->key, "update-paused");
  EXPECT_EQ(paused->text, "update paused by ann: lunch");
  EXPECT_EQ(rollout.orders.paused_at, at(20));
  ASSERT_TRUE(obey(rollout, order(Order::resume), at(50)));
  EXPECT_FALSE(rollout.orders.paused_at);
  EXPECT_EQ(rollout.baking_at, at(12)) << "when it began is a fact";
  const Time running = running_from(rollout.orders, *rollout.baking_at, at(50));
  EXPECT_EQ(running, at(42)) << "8 s of the bake were over, and are";
}

TEST(Orders, AChangeInAPauseTakesTheClocksOverAsTheyStand) {
  model::Rollout rollout = in_phase(Phase::starting);
  rollout.orders.paused_at = at(15);
  rollout.orders.skip = 1;
  model::Rollout next = next_rollout(model::RolloutKind::update, 7);
  ASSERT_TRUE(supersede(rollout, next, at(40)));
  EXPECT_EQ(next.orders, (model::Orders{.pauses = {{at(15), at(40)}}}));
  EXPECT_EQ(running_from(next.orders, at(10), at(60)), at(35)) << "of what started before";
}

TEST(Orders, AnAbortEndsAPauseAndSaysWho) {
  model::Rollout rollout = in_phase(Phase::starting);
  rollout.orders.paused_at = at(15);
  const auto aborted = obey(rollout, order(Order::abort, "wrong model"), at(20));
  ASSERT_TRUE(aborted);
  EXPECT_EQ(rollout.orders.abort, "aborted by ann: wrong model");
  EXPECT_FALSE(rollout.orders.paused_at);
  EXPECT_EQ(aborted->text, "update aborted by ann: wrong model");
  EXPECT_EQ(refusal(rollout, Order::abort), "rollout r is on its way back already");
}

TEST(Orders, ASkipEndsTheBakeOfThisStepAlone) {
  model::Rollout rollout = in_phase(Phase::baking);
  rollout.step = 2;
  ASSERT_TRUE(obey(rollout, order(Order::skip), at(20)));
  EXPECT_EQ(rollout.orders.skip, 3);
}

TEST(Orders, AnotherChangeEndsARolloutAndKeepsItsReport) {
  model::Rollout rollout = in_phase(Phase::shifting);
  rollout.report.instances_started = 3;
  rollout.report.phases = {{Phase::planned, at(1)}, {Phase::shifting, at(10)}};
  rollout.report.instances.resize(2);
  rollout.report.instances[0].gone = at(15);
  rollout.report.instances[0].ending = "retired";
  model::Rollout next = next_rollout(model::RolloutKind::update, 7);
  ASSERT_TRUE(supersede(rollout, next, at(20)));
  EXPECT_EQ(rollout.phase, Phase::superseded);
  EXPECT_EQ(rollout.why, "superseded by revision 7, root");
  EXPECT_EQ(rollout.ended_at, at(20));
  EXPECT_EQ(rollout.report.instances_started, 3);
  ASSERT_EQ(rollout.report.phases.size(), 3U);
  EXPECT_EQ(rollout.report.phases.back().phase, Phase::superseded);
  EXPECT_EQ(rollout.report.instances[0].ending, "retired");
  EXPECT_EQ(rollout.report.instances[1].ending, "left to rollout next");
}

TEST(Orders, WhatHasEndedIsNotSuperseded) {
  for (const Phase phase : {Phase::succeeded, Phase::rolled_back, Phase::failed}) {
    model::Rollout rollout = in_phase(phase);
    model::Rollout next = next_rollout(model::RolloutKind::stop, 0);
    const auto done = supersede(rollout, next, at(20));
    EXPECT_EQ(done.error().code(), Code::conflict);
    EXPECT_EQ(rollout.phase, phase);
  }
  model::Rollout rollout = in_phase(Phase::shifting);
  model::Rollout next = next_rollout(model::RolloutKind::stop, 0);
  ASSERT_TRUE(supersede(rollout, next, at(20)));
  EXPECT_EQ(rollout.why, "superseded by a stop, root");
}

TEST(Uses, NameEverythingThatHoldsARevision) {
  model::Service service;
  service.status = model::ServiceStatus::deploying;
  service.revision = 2;
  service.queued = 3;
  std::optional<model::Rollout> under_way = in_phase(Phase::starting);
  service.rollout = under_way->id;
  model::Instance instance;
  instance.revision = 1;
  instance.stage = model::Stage::draining;
  const std::vector<model::Instance> instances{instance};
  const RevisionStanding standing{
      .service = service, .under_way = under_way, .instances = instances, .newest = 4};
  using Uses = std::vector<std::string>;
  EXPECT_EQ(uses_of(1, standing), (Uses{"rollout r goes back to it", "instances of it run: 1"}));
  EXPECT_EQ(uses_of(2, standing), Uses{"rollout r leads to it"});
  EXPECT_EQ(uses_of(3, standing), Uses{"it waits for the rollout under way"});
  EXPECT_EQ(uses_of(4, standing), Uses{"it is the newest"});
  EXPECT_TRUE(uses_of(5, standing).empty());
  under_way.reset();
  service.rollout = model::RolloutId();
  service.status = model::ServiceStatus::stopped;
  EXPECT_EQ(uses_of(2, standing), Uses{"it is kept for the next start"});
  service.status = model::ServiceStatus::concerning;
  EXPECT_EQ(uses_of(2, standing), Uses{"it serves"});
}

}  // namespace
}  // namespace hitless::control
