// Who gets a service's traffic, given where its instances stand.  Internal to the room; pure.
#pragma once

#include "rollout/scene.h"

namespace hitless::rollout {

// Whose weights count: the side that served before the plan, or the one the scene goes to.
enum class Weights { before, goal };

// Only routable instances are in it.  A slot's weight is split over its groups in proportion to
// their instances.  Where the weights leave nothing for what is ready (first deployment, or what
// had weight died), the goal's weights count, then every ready instance the same: traffic is
// served whenever anything is ready.
model::ServiceRoute route_of(const Scene& scene, Weights weights);

}  // namespace hitless::rollout
