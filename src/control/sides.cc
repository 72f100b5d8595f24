#include "control/sides.h"

#include "control/limits.h"

namespace hitless::control {
namespace {

model::Outcomes since(const GroupCounts& now, const GroupCounts& before, const std::string& group) {
  const auto later = now.find(group);
  if (later == now.end()) return {};
  const auto earlier = before.find(group);
  return earlier == before.end() ? later->second : later->second.since(earlier->second);
}

bool is_replaced(const model::Slot& slot) {
  return slot.from && slot.to && slot.from->key != slot.to->key;
}

// The log ratio stays; the counts that led to it are of another window.
void begin_anew(model::Evidence& evidence) {
  for (model::Measure& measure : evidence.measures) {
    measure.old_events = measure.old_total = measure.new_events = measure.new_total = 0;
    measure.settled = measure.mark = {};
    measure.settled_ratio = measure.log_ratio;
  }
}

}  // namespace

void keep_window(std::optional<SideWindow>& window, model::Rollout& rollout,
                 const GroupCounts& now) {
  if (window && window->rollout == rollout.id && window->step == rollout.step) return;
  const bool same_rollout = window && window->rollout == rollout.id;
  if (!same_rollout) {
    window = SideWindow{.rollout = rollout.id, .step = 0, .at_rollout = now, .at_step = {}};
    if (rollout.evidence) begin_anew(*rollout.evidence);
  }
  window->step = rollout.step;
  window->at_step = now;
}

void fill_sides(rollout::View& view, const SideWindow& window, const GroupCounts& now) {
  for (const model::Slot& slot : view.plan.slots) {
    if (slot.to && !(slot.from && slot.from->key == slot.to->key)) {
      view.dropped += since(now, window.at_rollout, slot.to->key).failed;
    }
    if (!is_replaced(slot)) continue;
    view.old_side += since(now, window.at_step, slot.from->key);
    view.new_side += since(now, window.at_step, slot.to->key);
  }
  // Where nothing served before, nobody has lost anything by waiting in vain.
  if (view.plan.from != 0) view.dropped += since(now, window.at_rollout, {}).failed;
}

void take_samples(rollout::View& view, const SampleState& samples) {
  view.old_side.by_class[5] += samples.unseen_old;
  view.new_side.by_class[5] += samples.unseen_new;
  const bool counted = samples.done_at &&
                       (samples.answered == 0 || view.now >= *samples.done_at + k_samples_counted);
  view.samples_done = counted;
}

}  // namespace hitless::control
