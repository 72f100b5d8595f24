// A rollout on counts alone, without time or failures: what settle() will start and let go, turn by
// turn, in the room there is.  Tells beforehand whether a plan gets through, what it has at its low
// and high point, and in how many waves it starts.  Internal; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan.h"
#include "rollout/step.h"

namespace hitless::rollout {

// `starts` has what a start of each slot's `to` takes; none: never measured.
struct RehearsalInput {
  const std::vector<model::Slot>& slots;
  const std::vector<model::BakeStep>& steps;
  const std::vector<std::optional<Duration>>& starts;
  Room room;
};

struct Rehearsal {
  bool complete = false;
  int lowest = 0;           // instances that serve at the worst moment
  int highest = 0;          // instances that run at the fullest moment
  int waves = 0;            // turns in which something starts
  bool measured = true;     // every start that happens was
  Duration starting{};      // what the waves take, one after the other
  Duration longest_hold{};  // the longest wave in which nothing serves
  std::string stuck;        // the arithmetic, when it is not complete
};

Rehearsal rehearse(const RehearsalInput& input);

}  // namespace hitless::rollout
