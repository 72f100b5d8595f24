// What a rollout's two sides did to traffic, from the counters of their groups.  Pure.
//
// A window begins with each step of a rollout, and is kept in memory alone.  A serve that takes
// over a step begins a new one: how far the counters had risen when the evidence of before was
// written is not known, so that nothing of it is counted twice but what came meanwhile is not
// counted at all.
#pragma once

#include <optional>

#include "control/sampler.h"
#include "control/traffic_book.h"
#include "model/rollout.h"
#include "rollout/step.h"

namespace hitless::control {

struct SideWindow {
  model::RolloutId rollout;
  int step = 0;
  GroupCounts at_rollout;  // when it began, or this serve did
  GroupCounts at_step;
};

// Begins a window if `window` is of another rollout or step; evidence of before goes on in it.
void keep_window(std::optional<SideWindow>& window, model::Rollout& rollout,
                 const GroupCounts& now);

// Sets old_side, new_side and dropped.  Of the slots that are replaced: what stays on both sides
// can neither be better nor worse.
void fill_sides(rollout::View& view, const SideWindow& window, const GroupCounts& now);

// Adds what only the sampler knows: wrong answers, and that no more will come.
void take_samples(rollout::View& view, const SampleState& samples);

}  // namespace hitless::control
