// Each instance's way through a rollout, as the report tells it.  Pure.
#pragma once

#include "model/instance.h"
#include "model/rollout.h"

namespace hitless::control {

// An instance that the rollout has just told to run.
void note_start(model::Report& report, const model::Instance& instance);

// What of `after` was not yet so in `before`.  Instances that the rollout neither started nor takes
// out have no line.
void note_times(model::Report& report, const model::Instance& before, const model::Instance& after);

}  // namespace hitless::control
