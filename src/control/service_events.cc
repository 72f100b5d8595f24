#include "control/service_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/duration_text.h"

namespace hitless::control {
namespace {

using model::Phase;
using model::RolloutKind;
using model::ServiceStatus;

model::Event event(const ServiceState& state, model::EventType type, std::string key,
                   std::string text, Time at) {
  return {.subject = state.service.id.text(),
          .type = type,
          .key = std::move(key),
          .text = std::move(text),
          .at = at};
}

// Of the group's instances in the rollout; none: the plan does not know it.
std::optional<Duration> deploy_timeout_of(const ServiceState& state, const std::string& group) {
  if (!state.rollout) return std::nullopt;
  for (const model::Slot& slot : state.rollout->plan.slots) {
    for (const std::optional<model::Group>* side : {&slot.from, &slot.to}) {
      if (*side && (*side)->key == group) return (*side)->deploy_timeout;
    }
  }
  return std::nullopt;
}

model::Event failure_event(const ServiceState& state, const model::Instance& instance) {
  const std::optional<Duration> timeout = deploy_timeout_of(state, instance.group);
  const bool late = instance.ending == model::Ending::never_ready && timeout &&
                    instance.stage_at - instance.created_at >= *timeout;
  return event(state, model::EventType::abnormal, late ? "deploy-timeout" : "instance-failed",
               fmt::format("instance {} failed: {}", instance.id.text(), instance.detail),
               instance.stage_at);
}

}  // namespace

void add_phase_events(const ServiceState& state, const model::Rollout& rollout,
                      std::vector<model::Event>& events) {
  using enum model::EventType;
  const bool update = rollout.plan.from != 0;
  const Time at = rollout.phase_at;
  const RolloutKind kind = rollout.plan.kind;
  const std::string& reason = rollout.reason;
  const char* how = rollout.orders.abort.empty() ? "failed" : "aborted";
  // The reason of an abort begins with that word: it is not said twice.
  const bool says_how = reason.starts_with(how);
  const auto add = [&](model::EventType type, const char* key, std::string text) {
    events.push_back(event(state, type, key, std::move(text), at));
  };
  switch (rollout.phase) {
    case Phase::starting:
      if (kind == RolloutKind::deploy) add(normal, "starting", "service is being started");
      break;
    case Phase::rolling_back:
      if (update) {
        add(abnormal, "update-failed-rollback",
            says_how ? fmt::format("update {}, rolling back", reason)
                     : fmt::format("update {}, rolling back: {}", how, reason));
      } else {
        add(abnormal, "start-failed",
            says_how ? "start " + reason : fmt::format("start {}: {}", how, reason));
      }
      break;
    case Phase::rolled_back:
      add(normal, "update-rolled-back", fmt::format("update {}, rolled back", how));
      break;
    case Phase::failed:
      if (update) {
        add(abnormal, "rollback-failed",
            fmt::format("update {}, rollback failed: {}", how, rollout.why));
      } else {
        add(abnormal, "service-failed", "service failed: " + reason);
      }
      break;
    case Phase::succeeded:
      if (kind == RolloutKind::stop) add(normal, "stopped", "service stopped");
      if (kind == RolloutKind::deploy) add(normal, "started", "service started");
      if (kind == RolloutKind::update) add(normal, "updated", "service updated");
      break;
    default: break;
  }
}

void add_course_events(const ServiceState& state, const model::Rollout& after, Time now,
                       std::vector<model::Event>& events) {
  using enum model::EventType;
  const model::Rollout& before = *state.rollout;
  if (after.lacks_room && !before.lacks_room) {
    events.push_back(
        event(state, abnormal, "no-resources", "resources are short, waiting: " + after.why, now));
  }
  const auto& steps = after.plan.steps;
  const auto step = static_cast<std::size_t>(after.step);
  if (!after.baking_at || before.baking_at || step >= steps.size()) return;
  events.push_back(event(
      state, normal, "update-step",
      fmt::format("step {} of {}: revision {} has {} % of the traffic for {}", step + 1,
                  steps.size(), after.plan.to, steps[step].weight, duration_text(steps[step].bake)),
      now));
}

void add_instance_events(const ServiceState& state, const std::vector<model::Instance>& changed,
                         std::vector<model::Event>& events) {
  using enum model::EventType;
  for (const model::Instance& instance : changed) {
    const std::string& id = instance.id.text();
    if (instance.stage == model::Stage::starting) {
      events.push_back(event(state, normal, "instance-starting",
                             fmt::format("starting instance {}", id), instance.stage_at));
    } else if (instance.stage == model::Stage::ready && !instance.routed_at) {
      events.push_back(event(state, normal, "instance-ready",
                             fmt::format("instance {} is ready", id), instance.stage_at));
    } else if (instance.ending == model::Ending::exited ||
               instance.ending == model::Ending::never_ready) {
      events.push_back(failure_event(state, instance));
    }
  }
}

void add_status_events(const model::Service& before, const model::Service& after, Time now,
                       std::vector<model::Event>& events) {
  const bool alarm = after.status == ServiceStatus::concerning;
  if (alarm == (before.status == ServiceStatus::concerning) || !after.rollout.empty()) return;
  events.push_back({.subject = after.id.text(),
                    .type = alarm ? model::EventType::abnormal : model::EventType::normal,
                    .key = alarm ? "alarm-on" : "alarm-off",
                    .text = alarm ? "service in alarm: " + after.error : "service in order again",
                    .at = now});
}

model::Event accepted_event(const model::Service& service, const model::Plan& plan, Time now) {
  const auto made = [&](const char* key, const char* text) {
    return model::Event{.subject = service.id.text(),
                        .type = model::EventType::normal,
                        .key = key,
                        .text = text,
                        .at = now};
  };
  switch (plan.kind) {
    case RolloutKind::deploy: return made("deploy-begin", "start to deploy service");
    case RolloutKind::update: return made("updating", "service is being updated");
    case RolloutKind::stop: return made("stopping", "service is being stopped");
    case RolloutKind::remove: return made("deleting", "service is being deleted");
  }
  return made("updating", "service is being updated");
}

model::Event queued_event(const model::Service& service, model::RevisionNumber waiting,
                          model::RevisionNumber replaced, Time now) {
  return {
      .subject = service.id.text(),
      .type = model::EventType::normal,
      .key = "update-queued",
      .text = fmt::format("update to revision {} waits for the one under way{}", waiting,
                          replaced == 0 ? "" : fmt::format(", in place of revision {}", replaced)),
      .at = now};
}

model::Event dropped_event(const model::Service& service, model::RevisionNumber waiting,
                           const std::string& why, Time now) {
  return {.subject = service.id.text(),
          .type = model::EventType::abnormal,
          .key = "update-dropped",
          .text = fmt::format("update to revision {} dropped: {}", waiting, why),
          .at = now};
}

}  // namespace hitless::control
