// What the API is shown of a pass of the control loop.
#include "control/loop.h"

namespace hitless::control {
namespace {

using model::Stage;

std::string shown_state(const model::Instance& instance, const rollout::InstanceView& view) {
  if (instance.stage == Stage::starting) {
    return view.process == rollout::Process::running ? "warming" : "starting";
  }
  if (instance.stage == Stage::ready) {
    return view.routing == rollout::Routing::full ? "routed" : "ready";
  }
  return std::string(to_text(instance.stage));
}

}  // namespace

std::vector<InstanceStatus> Loop::instances(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  const auto place = shown_.find(service);
  return place == shown_.end() ? std::vector<InstanceStatus>() : place->second;
}

std::optional<SideTraffic> Loop::side_traffic(const model::ServiceId& service) const {
  const MutexLock lock(mutex_);
  const auto place = sides_.find(service);
  return place == sides_.end() ? std::nullopt : std::optional(place->second);
}

void Loop::show_instances(const World& world) {
  std::map<model::ServiceId, std::vector<InstanceStatus>> shown;
  for (const auto& [id, state] : services_) {
    for (const model::Instance& instance : state.instances) {
      const rollout::InstanceView view = instance_view(state, world, instance);
      const auto seen = world.observed.find(instance.id);
      InstanceStatus status{.instance = view.recorded,
                            .state = shown_state(instance, view),
                            .detail = instance.detail,
                            .in_flight = view.in_flight};
      if (status.detail.empty() && view.probe != rollout::Probe::passing) {
        status.detail = view.probe_detail;
      }
      if (seen != world.observed.end()) status.pid = seen->second.pid;
      if (const model::InstanceUsage* usage = world.usage.find(instance.id)) {
        status.streams = usage->streams;
        status.connect_failures = usage->connect_failures;
        status.circuit_opened = usage->circuit_opened;
        status.is_circuit_open = usage->circuits_open > 0;
      }
      shown[id].push_back(std::move(status));
    }
  }
  const MutexLock lock(mutex_);
  for (const auto& [id, state] : services_) {
    if (shown_[id] != shown[id]) touched_.insert(id);
  }
  shown_ = std::move(shown);
}

// Adding up every counter of a service is for those alone whom somebody watches.
void Loop::show_sides() {
  std::map<model::ServiceId, SideTraffic> sides;
  for (const auto& [id, state] : services_) {
    if (!state.window || !state.is_rolling_out() || !news_.is_watched(id)) continue;
    sides[id] = sides_of(state.rollout->plan, *state.window, traffic_.groups(id));
  }
  const MutexLock lock(mutex_);
  for (const auto& [id, side] : sides) {
    if (!sides_.contains(id) || sides_.at(id) != side) touched_.insert(id);
  }
  sides_ = std::move(sides);
}

void Loop::show_counts(const World& world) {
  LoopCounts counts;
  counts.passes = ++passes_;
  counts.store_errors = store_errors_;
  counts.suspects = suspected_;
  const ProbeCounts probes = prober_->counts();
  counts.probes_passed = probes.passed;
  counts.probes_failed = probes.failed;
  for (const auto& [id, state] : services_) {
    ++counts.services[std::string(model::to_text(state.service.status))];
    if (state.rollout) ++counts.rollouts[std::string(model::to_text(state.rollout->phase))];
  }
  counts.published = generation_;
  counts.adopted = world.usage.adopted;
  const MutexLock lock(mutex_);
  for (const auto& [id, instances] : shown_) {
    for (const InstanceStatus& instance : instances) ++counts.instances[instance.state];
  }
  counts_ = std::move(counts);
}

LoopCounts Loop::counts() const {
  const MutexLock lock(mutex_);
  return counts_;
}

}  // namespace hitless::control
