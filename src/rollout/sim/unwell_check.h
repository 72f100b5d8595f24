// What a fault that hits all at once leaves: where none is well, those that answered before carry
// the traffic, and are not to be taken out beside it.  Beside invariants.h.  Pure.
#pragma once

#include <string>
#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// Each broken promise in a sentence; empty: all hold.  For decisions of step().
std::vector<std::string> check_unwell(const View& view, const Decision& decision);

}  // namespace hitless::rollout
