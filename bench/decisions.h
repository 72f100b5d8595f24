// What planning and deciding take for a service of many instances.  No process, no clock but the
// time that its thread was on a core: rollout's pure functions, in its pretend world.
#pragma once

#include <vector>

#include "bench/rows.h"

namespace hitless::bench {

// Of plan_change: an upgrade of `instances` in a pool with room for a quarter more.
Row measure_plan(int instances);

// Of step(), every decision of that upgrade.
Row measure_steps(int instances);

}  // namespace hitless::bench
