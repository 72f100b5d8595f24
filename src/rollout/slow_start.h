// The share of an instance that has only just come rises in a few levels, because each is a new
// route.  Internal to the room; pure.
#pragma once

#include <optional>

#include "rollout/step.h"

namespace hitless::rollout {

// Of a full share, in so many parts.
inline constexpr int k_full_share = 10;

// What the instance gets now: 1 when it is first routed, k_full_share once plan.slow_start is over.
int share_level(const View& view, const model::Instance& recorded);

// When it has all of it.
Time full_share_at(const View& view, const model::Instance& recorded);

// When it gets more; none: it has all.
std::optional<Time> next_level_at(const View& view, const model::Instance& recorded);

}  // namespace hitless::rollout
