#include "rollout/prove.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
#include "rollout/judge.h"
#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/why.h"

namespace hitless::rollout {
namespace {

using model::Phase;

bool is_forward(Phase phase) {
  return phase == Phase::planned || phase == Phase::starting || phase == Phase::shifting ||
         phase == Phase::baking;
}

// What answers for longer than k_quiet is no silence.
bool has_requests_in_flight(const View& view) {
  return std::any_of(view.instances.begin(), view.instances.end(), [&](const InstanceView& seen) {
    return seen.in_flight > 0 &&
           std::any_of(view.plan.slots.begin(), view.plan.slots.end(), [&](const auto& slot) {
             return slot.is_replaced() && slot.to->key == seen.recorded.group;
           });
  });
}

Time quiet_at(const View& view) {
  const Time last = view.requests_at.value_or(view.watched_since);
  return std::max(last, view.watched_since) + k_quiet;
}

Time proof_end(const View& view, Time began) {
  return model::running_from(view.orders, began, view.now) + view.plan.judgement.proving;
}

bool is_quiet(const View& view) {
  return view.now >= quiet_at(view) && !has_requests_in_flight(view);
}

}  // namespace

bool proves(const model::Plan& plan) {
  if (!plan.judgement.enabled || plan.judgement.proving <= Duration{}) return false;
  if (plan.from == 0 || plan.to == 0 || is_stepped(plan)) return false;
  return plan.replaces();
}

bool proves_alone(const model::Plan& plan) {
  return plan.hold > Duration{} && proves(plan);
}

bool is_judged_by_past(const View& view) {
  const auto serves = [&](const model::Slot& slot) {
    return slot.is_replaced() &&
           std::any_of(view.instances.begin(), view.instances.end(), [&](const auto& seen) {
             return seen.recorded.group == slot.from->key &&
                    seen.recorded.stage == model::Stage::ready;
           });
  };
  return proves_alone(view.plan) &&
         std::none_of(view.plan.slots.begin(), view.plan.slots.end(), serves);
}

bool is_proving(const View& view) {
  if (!proves(view.plan) || !is_forward(view.phase) || view.step > 0 || view.orders.skip > 0)
    return false;
  if (view.evidence && view.evidence->verdict == model::Verdict::good) return false;
  if (view.baking_at && view.now >= proof_end(view, *view.baking_at)) return false;
  return !is_quiet(view);
}

std::optional<Time> proof_wake_at(const View& view, std::optional<Time> began) {
  if (!began) return std::nullopt;
  const Time end = proof_end(view, *began);
  const Time quiet = quiet_at(view);
  const bool may_be_quiet = quiet > view.now && !has_requests_in_flight(view);
  const Time wake_at = may_be_quiet ? std::min(end, quiet) : end;
  return wake_at > view.now ? std::optional(wake_at) : std::nullopt;
}

std::string proof_text(const View& view, std::optional<Time> began) {
  const model::Judgement& policy = view.plan.judgement;
  const std::string left = time_left(view.now, proof_end(view, began.value_or(view.now)));
  if (!has_sample(policy, view.new_side)) {
    return fmt::format("proving: {} of {} requests came, {} left", view.new_side.requests,
                       policy.requests_min, left);
  }
  if (proves_alone(view.plan)) {
    return fmt::format("proving: {} requests came, nothing bad by far yet, {} left",
                       view.new_side.requests, left);
  }
  return fmt::format("proving: {} requests came, not told from revision {} yet, {} left",
                     view.new_side.requests, view.plan.from, left);
}

}  // namespace hitless::rollout
