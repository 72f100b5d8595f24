#include "rollout/bake.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/judge.h"
#include "rollout/phase.h"

namespace hitless::rollout {
namespace {

int steps_of(const model::Plan& plan) {
  return static_cast<int>(plan.steps.size());
}

}  // namespace

bool is_stepped(const model::Plan& plan) {
  return !plan.steps.empty() && plan.replaces();
}

bool holds_back(const View& view) {
  if (is_end(view.phase) || view.phase == model::Phase::draining) return false;
  return is_stepped(view.plan) && view.step < steps_of(view.plan);
}

int step_weight(const model::Plan& plan, int index) {
  if (index < 0 || plan.steps.empty()) return 0;
  const int weight =
      plan.steps[static_cast<std::size_t>(std::min(index, steps_of(plan) - 1))].weight;
  return std::clamp(weight, 0, 100);
}

int weight_in(const model::Plan& plan, int step, model::Phase phase) {
  return step_weight(plan, phase == model::Phase::baking ? step : step - 1);
}

std::optional<Time> bake_end(const View& view) {
  if (!view.baking_at || view.step < 0 || view.step >= steps_of(view.plan)) return std::nullopt;
  if (view.step < view.orders.skip) return view.now;
  return model::running_from(view.orders, *view.baking_at, view.now) +
         view.plan.steps[static_cast<std::size_t>(view.step)].bake;
}

std::string silence_of(const View& view) {
  const model::Judgement& policy = view.plan.judgement;
  const bool skipped = view.step < view.orders.skip;
  if (skipped || !policy.enabled || has_sample(policy, view.new_side)) return "";
  if (policy.silence == model::Silence::advance) return "";
  if (policy.silence == model::Silence::warm_up && view.samples_done) return "";
  return fmt::format(
      "waiting for {} requests on the new side to judge it by, {} so far{}", policy.requests_min,
      view.new_side.requests,
      policy.silence == model::Silence::warm_up ? "; warm-up requests are sent" : "");
}

bool wants_samples(const View& view) {
  if (view.phase != model::Phase::baking || view.orders.paused_at) return false;
  if (view.plan.judgement.silence != model::Silence::warm_up) return false;
  const std::optional<Time> end = bake_end(view);
  return end && view.now >= *end && !silence_of(view).empty();
}

std::string step_text(const model::Plan& plan, int step) {
  return fmt::format("step {} of {} ({} %)", step + 1, plan.steps.size(), step_weight(plan, step));
}

}  // namespace hitless::rollout
