#include "control/status.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::control {
namespace {

using model::Phase;
using model::RolloutKind;
using model::ServiceStatus;

ServiceStatus status_under_way(RolloutKind kind) {
  switch (kind) {
    case RolloutKind::deploy:
    case RolloutKind::update: return ServiceStatus::deploying;
    case RolloutKind::stop: return ServiceStatus::stopping;
    case RolloutKind::remove: return ServiceStatus::deleting;
  }
  return ServiceStatus::deploying;
}

struct Readiness {
  int wanted = 0;
  int ready = 0;
};

// Of the side of the plan that stands.
Readiness readiness_of(const model::Rollout& rollout, const rollout::View& view) {
  const bool back = rollout.phase == Phase::rolled_back || rollout.phase == Phase::failed;
  Readiness readiness;
  for (const model::Slot& slot : rollout.plan.slots) {
    const std::optional<model::Group>& group = back ? slot.from : slot.to;
    if (group) readiness.wanted += group->count;
  }
  for (const rollout::InstanceView& seen : view.instances) {
    const bool serves = seen.recorded.stage == model::Stage::ready &&
                        seen.process == rollout::Process::running &&
                        seen.probe != rollout::Probe::failing;
    if (serves) ++readiness.ready;
  }
  return readiness;
}

ServiceStatus status_at_rest(const model::Rollout& rollout, const rollout::View& view) {
  if (rollout.plan.kind == RolloutKind::stop && rollout.phase == Phase::succeeded) {
    return ServiceStatus::stopped;
  }
  if (rollout.plan.kind == RolloutKind::remove) return ServiceStatus::deleting;
  if (rollout.phase == Phase::failed && rollout.plan.from == 0) return ServiceStatus::failed;
  const Readiness readiness = readiness_of(rollout, view);
  if (readiness.ready >= readiness.wanted) return ServiceStatus::running;
  // An alarm, or after a failed way back with nothing left, a failure.
  const bool down = readiness.ready == 0 && rollout.phase == Phase::failed;
  return down ? ServiceStatus::failed : ServiceStatus::concerning;
}

void end_rollout(const model::Rollout& rollout, model::Service& service) {
  service.rollout = model::RolloutId();
  service.progress = 0;
  if (rollout.phase == Phase::succeeded) {
    service.error.clear();
    service.publish_at = rollout.ended_at.value_or(service.publish_at);
    return;
  }
  service.error = rollout.reason.empty() ? rollout.why : rollout.reason;
  if (rollout.plan.from != 0) service.revision = rollout.plan.from;
}

model::Event event(const ServiceState& state, model::EventType type, std::string key,
                   std::string text, Time at) {
  return {.subject = state.service.id.text(),
          .type = type,
          .key = std::move(key),
          .text = std::move(text),
          .at = at};
}

}  // namespace

model::Service service_after(const ServiceState& state, const model::Rollout* newest,
                             const rollout::View& view, const rollout::Decision& decision) {
  model::Service service = state.service;
  if (newest == nullptr) return service;
  if (model::is_terminal(newest->phase)) {
    if (!service.rollout.empty()) end_rollout(*newest, service);
    service.status = status_at_rest(*newest, view);
    // The alarm's cause belongs to the alarm; a failed or reverted change keeps its own.
    if (service.status == ServiceStatus::concerning) service.error = decision.why;
    if (service.status == ServiceStatus::running && newest->phase == Phase::succeeded) {
      service.error.clear();
    }
  } else {
    service.status = status_under_way(newest->plan.kind);
    service.progress = decision.percent;
  }
  if (service.status != state.service.status) service.transition_at = view.now;
  return service;
}

void add_phase_events(const ServiceState& state, const model::Rollout& rollout,
                      std::vector<model::Event>& events) {
  using enum model::EventType;
  const bool update = rollout.plan.from != 0;
  const Time at = rollout.phase_at;
  const RolloutKind kind = rollout.plan.kind;
  const std::string& reason = rollout.reason;
  const char* how = rollout.orders.abort.empty() ? "failed" : "aborted";
  const auto add = [&](model::EventType type, const char* key, std::string text) {
    events.push_back(event(state, type, key, std::move(text), at));
  };
  switch (rollout.phase) {
    case Phase::rolling_back:
      if (update) {
        add(abnormal, "update-failed-rollback",
            fmt::format("update {}, rolling back: {}", how, reason));
      } else {
        add(abnormal, "start-failed", fmt::format("start {}: {}", how, reason));
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
      events.push_back(event(state, abnormal, "instance-failed",
                             fmt::format("instance {} failed: {}", id, instance.detail),
                             instance.stage_at));
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
