// Warm-up requests as samples of a step that nobody else calls.
#include <algorithm>

#include "control/limits.h"
#include "control/loop.h"

namespace hitless::control {
namespace {

std::vector<model::InstanceId> routed_of(const rollout::View& view, const std::string& group) {
  std::vector<model::InstanceId> routed;
  for (const rollout::InstanceView& instance : view.instances) {
    const bool serves = instance.recorded.stage == model::Stage::ready &&
                        instance.routing == rollout::Routing::full;
    if (serves && instance.recorded.group == group) routed.push_back(instance.recorded.id);
  }
  return routed;
}

}  // namespace

void Loop::keep_samples(ServiceState& state, const World& world, const rollout::View& view) {
  const bool bakes = state.is_rolling_out() && view.phase == model::Phase::baking;
  if (!bakes && std::exchange(state.is_sampling, false)) sampler_->forget(state.service.id);
  if (!bakes || !rollout::wants_samples(view) || !view.adopted) return;
  const auto gateway = parts_.gateway.attached();
  if (!gateway || world.usage.gateway.empty()) return;
  SampleTask task = sample_task(state, view);
  task.gateway = gateway->listen;
  state.is_sampling = true;
  sampler_->ensure(task);
  const SampleState samples = sampler_->state(state.service.id);
  if (!samples.done_at) return;
  const Time counted = *samples.done_at + k_samples_counted;
  if (!state.wake_at || counted < *state.wake_at) state.wake_at = counted;
}

SampleTask Loop::sample_task(const ServiceState& state, const rollout::View& view) {
  SampleTask task{.rollout = state.rollout->id,
                  .step = view.step,
                  .service = state.service.id,
                  .gateway = {},
                  .token = sampler_token_,
                  .old_side = {},
                  .new_side = {}};
  const std::uint64_t wanted = view.plan.judgement.requests_min;
  task.wanted = std::min(wanted - std::min(wanted, view.new_side.requests), k_samples_max);
  const auto warm_up = [&](const model::Group& group) {
    const auto found = warm_up_of(state.service.id, group.revision, group.entry);
    return found ? *found : nullptr;
  };
  for (const model::Slot& slot : view.plan.slots) {
    if (!slot.from || !slot.to || slot.from->key == slot.to->key) continue;
    const auto theirs = warm_up(*slot.to);
    const auto own = warm_up(*slot.from);
    task.new_side.push_back({.instances = routed_of(view, slot.to->key), .requests = theirs});
    task.old_side.push_back({.instances = routed_of(view, slot.from->key),
                             .requests = own != nullptr ? own : theirs,
                             .borrowed = own == nullptr});
  }
  return task;
}

}  // namespace hitless::control
