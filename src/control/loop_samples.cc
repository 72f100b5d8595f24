// Warm-up requests as samples of a step that nobody else calls.
#include <algorithm>

#include "base/log.h"
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
  Result<SampleTask> task = sample_task(state, view);
  if (!task) {
    log_warn("samples_not_sent",
             {{"service", state.service.id.text()}, {"cause", task.error().text()}});
    return state.look_by(world.now + k_store_retry);
  }
  task->gateway = gateway->listen;
  state.is_sampling = true;
  sampler_->ensure(*task);
  const SampleState samples = sampler_->state(state.service.id);
  if (!samples.done_at) return;
  state.look_by(*samples.done_at + k_samples_counted);
}

Result<SampleTask> Loop::sample_task(const ServiceState& state, const rollout::View& view) {
  SampleTask task{.rollout = state.rollout->id,
                  .step = view.step,
                  .service = state.service.id,
                  .gateway = {},
                  .token = sampler_token_,
                  .old_side = {},
                  .new_side = {}};
  const std::uint64_t wanted = view.plan.judgement.requests_min;
  task.wanted = std::min(wanted - std::min(wanted, view.new_side.requests), k_samples_max);
  const auto warm_up =
      [&](const model::Group& group) -> Result<std::shared_ptr<const model::WarmUp>> {
    HL_TRY_ASSIGN(const auto entry, entry_of(state.service.id, group.revision, group.entry));
    const auto version = version_of(entry->model);
    if (version) return warm_up_of(*version);
    // What is gone has nothing to be asked; what cannot be read now is asked for again.
    if (version.error().code() == Code::not_found) return std::shared_ptr<const model::WarmUp>();
    return version.error();
  };
  for (const model::Slot& slot : view.plan.slots) {
    if (!slot.is_replaced()) continue;
    HL_TRY_ASSIGN(const auto theirs, warm_up(*slot.to));
    HL_TRY_ASSIGN(const auto own, warm_up(*slot.from));
    task.new_side.push_back({.instances = routed_of(view, slot.to->key), .requests = theirs});
    task.old_side.push_back({.instances = routed_of(view, slot.from->key),
                             .requests = own != nullptr ? own : theirs,
                             .borrowed = own == nullptr});
  }
  return task;
}

}  // namespace hitless::control
