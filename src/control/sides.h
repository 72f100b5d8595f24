// What a rollout's two sides did to traffic, from the counters of their groups.  Pure.
//
// A window begins with each step of a rollout, and is kept in memory alone.  A serve that takes
// over a step begins a new one: how far the counters had risen when the evidence of before was
// written is not known, so that nothing of it is counted twice but what came meanwhile is not
// counted at all.  What was lost is another matter: it is counted from the rollout's own beginning,
// which goes into the store with the first decision made after it.
#pragma once

#include <optional>

#include "control/port.h"
#include "control/sampler.h"
#include "control/traffic_book.h"
#include "model/rollout.h"
#include "rollout/step.h"

namespace hitless::control {

struct SideWindow {
  model::RolloutId rollout;
  int step = 0;
  model::LostRequests lost_before;  // the rollout's
  bool is_stored = false;           // lost_before
  GroupCounts at_rollout;           // or when this serve took it over
  GroupCounts at_step;
  std::uint64_t requests = 0;            // on both sides since then …
  std::optional<Time> requests_at = {};  // … and when there came more
};

// Begins a window if `window` is of another rollout or step; evidence of before goes on in it, or
// stays as it is when the sides are not judged any more.
// Gives the rollout its lost_before if it has none yet.
void keep_window(std::optional<SideWindow>& window, model::Rollout& rollout,
                 const GroupCounts& now);

// Both sides since the window's rollout began: what leaves, and what comes.  Instances that stay
// are on neither.
SideTraffic sides_of(const model::Plan& plan, const SideWindow& window, const GroupCounts& now);

// Sets old_side, new_side and dropped.  Of the slots that are replaced: what stays on both sides
// can neither be better nor worse.  The view's instances are there already.
void fill_sides(rollout::View& view, const SideWindow& window, const GroupCounts& now);

// Adds what only the sampler knows: wrong answers, and that no more will come.
void take_samples(rollout::View& view, const SampleState& samples);

// Sets requests_at.  Who was parked is counted as soon as it is known who answers.
void note_requests(rollout::View& view, SideWindow& window, const GroupCounts& now);

}  // namespace hitless::control
