#include "control/sides.h"

#include <algorithm>

#include "control/limits.h"

namespace hitless::control {
namespace {

model::Outcomes since(const GroupCounts& now, const GroupCounts& before, const std::string& group) {
  const auto later = now.find(group);
  if (later == now.end()) return {};
  const auto earlier = before.find(group);
  return earlier == before.end() ? later->second : later->second.since(earlier->second);
}

std::uint64_t lost_since(const GroupCounts& now, const model::LostRequests& before,
                         const std::string& group) {
  const auto later = now.find(group);
  if (later == now.end()) return 0;
  const auto earlier = before.find(group);
  const std::uint64_t then = earlier == before.end() ? 0 : earlier->second;
  // Totals that died with a gateway and a serve at once can be less than they were.
  return later->second.failed - std::min(later->second.failed, then);
}

model::LostRequests lost_by(const GroupCounts& now) {
  model::LostRequests lost;
  for (const auto& [group, outcomes] : now) {
    if (outcomes.failed > 0) lost[group] = outcomes.failed;
  }
  return lost;
}

// What was counted stays; the counters that it was read from begin anew.
void begin_anew(model::Evidence& evidence) {
  for (model::Measure& measure : evidence.measures) measure.seen = {};
}

}  // namespace

void keep_window(std::optional<SideWindow>& window, model::Rollout& rollout,
                 const GroupCounts& now) {
  const bool same_rollout = window && window->rollout == rollout.id;
  if (!same_rollout) {
    window = SideWindow{.rollout = rollout.id,
                        .step = rollout.step,
                        .lost_before = rollout.lost_before.value_or(lost_by(now)),
                        .is_stored = rollout.lost_before.has_value(),
                        .at_rollout = now,
                        .at_step = now};
    const bool is_judged = rollout::is_judged_in(rollout.plan, rollout.phase, rollout.step);
    if (rollout.evidence && is_judged) begin_anew(*rollout.evidence);
  }
  rollout.lost_before = window->lost_before;  // a reading of the store may have come between
  if (window->step == rollout.step) return;
  window->step = rollout.step;
  window->at_step = now;
}

SideTraffic sides_of(const model::Plan& plan, const SideWindow& window, const GroupCounts& now) {
  SideTraffic sides;
  for (const model::Slot& slot : plan.slots) {
    if (slot.is_kept()) continue;
    if (slot.from) sides.old_side += since(now, window.at_rollout, slot.from->key);
    if (slot.to) sides.new_side += since(now, window.at_rollout, slot.to->key);
  }
  return sides;
}

void fill_sides(rollout::View& view, const SideWindow& window, const GroupCounts& now) {
  const bool by_past = rollout::is_judged_by_past(view);
  for (const model::Slot& slot : view.plan.slots) {
    if (slot.to && !slot.is_kept()) {
      view.dropped += lost_since(now, window.lost_before, slot.to->key);
    }
    if (!slot.is_replaced()) continue;
    view.old_side += since(now, by_past ? GroupCounts() : window.at_step, slot.from->key);
    view.new_side += since(now, window.at_step, slot.to->key);
  }
  // Where nothing served before, nobody has lost anything by waiting in vain.
  if (view.plan.from != 0) view.dropped += lost_since(now, window.lost_before, {});
}

void take_samples(rollout::View& view, const SampleState& samples) {
  view.old_side.by_class[5] += samples.unseen_old;
  view.new_side.by_class[5] += samples.unseen_new;
  const bool counted = samples.done_at &&
                       (samples.answered == 0 || view.now >= *samples.done_at + k_samples_counted);
  view.samples_done = counted;
}

void note_requests(rollout::View& view, SideWindow& window, const GroupCounts& now) {
  std::uint64_t requests = 0;
  for (const model::Slot& slot : view.plan.slots) {
    if (!slot.is_replaced()) continue;
    for (const std::string& group : {slot.from->key, slot.to->key}) {
      const model::Outcomes came = since(now, window.at_step, group);
      requests += came.requests + came.held;
    }
  }
  if (requests > window.requests) window.requests_at = view.now;
  window.requests = requests;
  view.requests_at = window.requests_at;
}

}  // namespace hitless::control
