// Which phase and step a rollout that goes forward is in next.  Internal to the room; pure.
#pragma once

#include <optional>
#include <string>

#include "rollout/settle.h"

namespace hitless::rollout {

struct Next {
  model::Phase phase = model::Phase::planned;
  int step = 0;
  std::optional<Time> baking_at;
};

// `broken`: find_broken() or find_stalled() say so.
Next next_forward(const Scene& scene, const Settled& settled, bool broken);

// Everything that leaves is gone, all that shall serve does, and every worker knows.  What is
// broken is not waited for where both sides are the same instances: tend goes on with them.
bool is_done(const Scene& scene, bool broken);

// What it waits for, as a sentence.
std::string forward_text(const Scene& scene, const Settled& settled, const Next& next);

// When the bake that `next` is in is over, if that is still to come.
std::optional<Time> bake_wake_at(const View& view, const Next& next);

}  // namespace hitless::rollout
