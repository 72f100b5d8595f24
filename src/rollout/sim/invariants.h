// What must hold for every decision, whatever the world does.
// Written against the plan alone and not with step's own arithmetic, so that one can be wrong
// without the other.  Pure.
#pragma once

#include <string>
#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// Each broken promise in a sentence; empty: all hold.  For decisions of step().
std::vector<std::string> check_step(const View& view, const Decision& decision);

// For decisions of tend().
std::vector<std::string> check_tend(const View& view, const Decision& decision);

// What else must hold where a rollout has just ended.
std::vector<std::string> check_end(const View& view, const Decision& decision);

}  // namespace hitless::rollout
