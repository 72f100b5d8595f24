// How instances are exchanged: the strategy that the service names, or the gentlest one that the
// room allows.  What would wait for ever is refused, with the arithmetic.  Internal; pure.
#pragma once

#include "rollout/plan.h"
#include "rollout/rehearsal.h"

namespace hitless::rollout {

// Sets the plan's strategy, reason, steps, and surge and unavailable of its slots, which are there
// already; the value is how it would go.
//   surge          one more of each fits: up to max_surge, or as many as fit
//   shrink         none fits, or max_surge is 0, and some may be missing
//   hold_and_swap  none fits and none may be missing; the fewest that must change places at once
//   blue_green, canary  only by name
// invalid: it contradicts the service's own knobs, or can never fit; exhausted: there is no room.
Result<Rehearsal> choose_strategy(const PlanInput& input, model::Plan& plan);

}  // namespace hitless::rollout
