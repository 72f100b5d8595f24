// Whether the new side is worse than the old one, from what both did in the same window.
//
// Each measure counts events on both sides: errors, answers slower than a limit that the old side
// sets, cut answers.  Of all events the new side's part is binomial with the part of the requests
// it had, if the sides are equal, and larger if it is worse.  A sequential probability ratio test
// (Wald 1945) between "equal" and "worse by the policy's ratio" may be looked at after each request
// without losing its error probabilities; they are shared out over measures and steps.
//
// Pure.  Internal to the room but for its tests.
#pragma once

#include <optional>

#include "model/evidence.h"
#include "model/plan.h"
#include "model/usage.h"

namespace hitless::rollout {

// Steps share out the policy's false alarms.  `before` is the evidence of the look before, whose
// limits for latencies stay once they are fixed.
struct JudgeInput {
  const model::Judgement& policy;
  const model::Outcomes& old_side;
  const model::Outcomes& new_side;
  int step = 0;
  int steps = 1;
  const std::optional<model::Evidence>& before;
};

model::Evidence judge(const JudgeInput& input);

// Whether the new side had what `policy` asks for before a bake's end may be taken as a yes.
bool has_sample(const model::Judgement& policy, const model::Outcomes& new_side);

}  // namespace hitless::rollout
