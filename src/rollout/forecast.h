// What to expect of a plan, from its rehearsal.  Internal; pure.
#pragma once

#include "rollout/plan.h"
#include "rollout/rehearsal.h"

namespace hitless::rollout {

// How long a request may be parked while nothing serves, for starts that take this long (none: it
// was never measured); never longer than an instance is waited for.
Duration hold_for(std::optional<Duration> start, Duration deploy_timeout);

// Of a change during a change: some of what stays here has been stopped, and what the one under way
// has started serves in its place, with no room beside it.
bool waits_for_leftovers(const PlanInput& input, const model::Plan& plan, const model::Slot& slot);

// Sets the plan's hold and its forecast.
void foresee(const PlanInput& input, const Rehearsal& rehearsal, model::Plan& plan);

}  // namespace hitless::rollout
