#include "control/status.h"

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

}  // namespace hitless::control
