// Strays: instances of neither side of a plan, which a superseded change left.  They serve where
// nothing else does yet, and never get more of the traffic than they had.  Pure.
#pragma once

#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// A service's whole traffic, in so many parts.
inline constexpr int k_traffic_parts = 10'000;

bool is_stray(const model::Plan& plan, const std::string& group);

// The slot that a stray of this entry counts toward; -1: the plan has none.
int slot_of_stray(const model::Plan& plan, int entry);

// What strays get by this route, for each slot of the plan, rounded up: View::stray_shares when
// the plan begins and the route is the one in use.
std::vector<int> stray_shares(const model::Plan& plan, const model::ServiceRoute& route,
                              const std::vector<model::Instance>& instances);

}  // namespace hitless::rollout
