// The steps of a plan (canary, blue/green): how far each goes, and when it is over.  Internal to
// the room; pure.
#pragma once

#include <optional>
#include <string>

#include "rollout/step.h"

namespace hitless::rollout {

// Whether the plan goes by steps: it has some, and a slot in which one group takes the place of
// another, which is what they divide.
bool is_stepped(const model::Plan& plan);

// Steps are under way: what leaves stays warm until the last one has baked.
bool holds_back(const View& view);

// Percent of a replaced slot's weight that step `index` puts on the new side: 0 before the first,
// the last one's after it.
int step_weight(const model::Plan& plan, int index);

// What the new side has while `step` is under way in `phase`.
int weight_in(const model::Plan& plan, int step, model::Phase phase);

// When the step's bake is over by time; none: it has not begun.
std::optional<Time> bake_end(const View& view);

// What keeps a step whose bake is over from going on, as a sentence: the new side had too few
// requests to be judged by, and the policy waits.  Empty: nothing.
std::string silence_of(const View& view);

// "step 1 of 3 (10 %)".
std::string step_text(const model::Plan& plan, int step);

}  // namespace hitless::rollout
