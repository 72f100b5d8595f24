// Who gets a service's traffic, given where its instances stand.  Internal to the room; pure.
#pragma once

#include <optional>

#include "rollout/scene.h"

namespace hitless::rollout {

// Whose weights count: the side that served before the plan, or the one the scene goes to.
enum class Weights { before, goal };

// Only routable instances are in it.  A slot's weight is split over its groups in proportion to
// their instances, or, with `goal_percent`, so much of it to the goal and the rest to what leaves,
// within what is ready of both (split.h).  An instance that starts slowly counts for a part.
// Strays (strays.h) get no more than they had, nor than the others lack of the instances that
// carried the slot before the plan; alone they get all.
// Where the weights leave nothing for what is ready (first deployment, or what had weight died),
// the goal's weights count, then every ready instance the same: traffic is served whenever
// anything is ready.
model::ServiceRoute route_of(const Scene& scene, Weights weights,
                             std::optional<int> goal_percent = std::nullopt);

}  // namespace hitless::rollout
