#include "control/service_events.h"

#include <gtest/gtest.h>

namespace hitless::control {
namespace {

using model::Phase;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

Time at(int second) {
  return Time(seconds(1'700'000'000 + second));
}

ServiceState updating(Phase phase) {
  ServiceState state;
  state.service.id = model::ServiceId("s");
  model::Rollout& rollout = state.rollout.emplace();
  rollout.plan.from = 1;
  rollout.plan.to = 2;
  rollout.phase = phase;
  return state;
}

Texts texts_of(const std::vector<model::Event>& events) {
  Texts out;
  for (const model::Event& event : events) {
    out.push_back(std::string(to_text(event.type)) + " " + event.key + ": " + event.text);
  }
  return out;
}

Texts phase_texts(Phase phase, const std::string& abort = {}, model::RevisionNumber from = 1) {
  ServiceState state = updating(phase);
  state.rollout->plan.from = from;
  state.rollout->reason = abort.empty() ? "because" : abort;
  state.rollout->orders.abort = abort;
  std::vector<model::Event> events;
  add_phase_events(state, *state.rollout, events);
  return texts_of(events);
}

TEST(ServiceEvents, TellAnAbortFromAFailure) {
  EXPECT_EQ(phase_texts(Phase::rolling_back),
            Texts{"abnormal update-failed-rollback: update failed, rolling back: because"});
  EXPECT_EQ(phase_texts(Phase::rolled_back),
            Texts{"normal update-rolled-back: update failed, rolled back"});
  EXPECT_EQ(phase_texts(Phase::rolled_back, "aborted by ann"),
            Texts{"normal update-rolled-back: update aborted, rolled back"});
  EXPECT_EQ(phase_texts(Phase::rolling_back, "aborted by ann: no"),
            Texts{"abnormal update-failed-rollback: update aborted by ann: no, rolling back"});
  EXPECT_EQ(phase_texts(Phase::rolling_back, "aborted by ann: no", 0),
            Texts{"abnormal start-failed: start aborted by ann: no"});
}

TEST(ServiceEvents, SayThatAServiceStartsAndHasStarted) {
  const auto texts = [](Phase phase, model::RolloutKind kind) {
    ServiceState state = updating(phase);
    state.rollout->plan.kind = kind;
    std::vector<model::Event> events;
    add_phase_events(state, *state.rollout, events);
    return texts_of(events);
  };
  using enum model::RolloutKind;
  EXPECT_EQ(texts(Phase::starting, deploy), Texts{"normal starting: service is being started"});
  EXPECT_EQ(texts(Phase::succeeded, deploy), Texts{"normal started: service started"});
  EXPECT_EQ(texts(Phase::starting, update), Texts{});
  EXPECT_EQ(texts(Phase::starting, stop), Texts{});
}

Texts course_texts(const ServiceState& state, const model::Rollout& after) {
  std::vector<model::Event> events;
  add_course_events(state, after, at(20), events);
  return texts_of(events);
}

TEST(ServiceEvents, SayOnceThatResourcesAreShort) {
  ServiceState state = updating(Phase::starting);
  model::Rollout after = *state.rollout;
  after.lacks_room = true;
  after.why = "no room in the pool for one more instance, 60 s left";
  EXPECT_EQ(course_texts(state, after),
            Texts{"abnormal no-resources: resources are short, waiting: " + after.why});
  state.rollout = after;
  EXPECT_EQ(course_texts(state, after), Texts{});
}

TEST(ServiceEvents, NameEachStepThatHasItsWeight) {
  ServiceState state = updating(Phase::shifting);
  state.rollout->plan.steps = {{.weight = 5, .bake = seconds(60)},
                               {.weight = 50, .bake = seconds(30)}};
  state.rollout->step = 1;
  model::Rollout after = *state.rollout;
  EXPECT_EQ(course_texts(state, after), Texts{});
  after.baking_at = at(20);
  EXPECT_EQ(course_texts(state, after),
            Texts{"normal update-step: step 2 of 2: revision 2 has 50 % of the traffic for 30 s"});
  state.rollout = after;
  EXPECT_EQ(course_texts(state, after), Texts{});
}

TEST(ServiceEvents, TellADeployTimeoutFromAnotherFailure) {
  ServiceState state = updating(Phase::starting);
  model::Group group;
  group.key = "new";
  group.deploy_timeout = seconds(60);
  state.rollout->plan.slots.push_back({.to = group});
  model::Instance instance;
  instance.id = model::InstanceId("s-r2-3");
  instance.group = "new";
  instance.stage = model::Stage::stopping;
  instance.ending = model::Ending::never_ready;
  instance.detail = "HTTP 503 from /health";
  instance.created_at = at(0);
  const auto texts = [&](int ended) {
    instance.stage_at = at(ended);
    std::vector<model::Event> events;
    add_instance_events(state, {instance}, events);
    return texts_of(events);
  };
  const std::string text = "instance s-r2-3 failed: HTTP 503 from /health";
  EXPECT_EQ(texts(59), Texts{"abnormal instance-failed: " + text});
  EXPECT_EQ(texts(60), Texts{"abnormal deploy-timeout: " + text});
}

}  // namespace
}  // namespace hitless::control
