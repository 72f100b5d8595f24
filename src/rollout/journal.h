// The journal's form of views and decisions: what step() was given and what it said, as JSON that
// reads back into exactly the same, so that an operator can run a rollout's decisions again
// (sim/replay.h).
//
// A journal is lines of JSON.  The first one is {"rollout", "plan"}; each further one is one
// recorded decision, {"view", "decision"}, in which members that stand at their defaults are left
// out.  The view's plan is the journal's and the instances' service the plan's, both written once.
//
// Latency histograms are in it, because judge() reads them.  Only buckets that have something are
// written: some 2 kB a line under load, next to 0.4 kB for each instance.
//
// Pure.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "rollout/step.h"

namespace hitless::rollout {

json::value to_json(const View& view);
Result<View> view_from_json(const json::value& value, const model::Plan& plan);

json::value to_json(const Decision& decision);
Result<Decision> decision_from_json(const json::value& value);

// Where two decisions on one view differ: "phase: starting, now draining", a text each.
std::vector<std::string> differences(const Decision& recorded, const Decision& today);

}  // namespace hitless::rollout
