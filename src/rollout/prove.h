// Proving: a plan without steps that is judged keeps its last old instance warm and in the route
// until what the new side answers has been judged, or for the policy's proving time since nothing
// but that instance is left to exchange.  Then phase baking is under way, with baking_at as its
// clock; step is 1 once it is over.  Where nobody calls the service, nothing is waited for.
//
// Where nothing of the old side can stay, what is new serves as long before the rollout ends, and
// can be taken back by what is bad by far (judge.h).
// Internal to the room; pure.
#pragma once

#include <optional>
#include <string>

#include "rollout/step.h"

namespace hitless::rollout {

// Whether the plan proves its new side.
bool proves(const model::Plan& plan);

// Likewise, and its old instances are gone by then: requests are parked while they change places
// with the new ones (hold-and-swap of one instance).  Then the new side is judged alone.
bool proves_alone(const model::Plan& plan);

// The proof is still to come, or under way.
bool is_proving(const View& view);

// When it is over by time or by silence, for a clock that began then.
std::optional<Time> proof_wake_at(const View& view, std::optional<Time> began);

// "proving: 9 of 50 requests came, 8.0 s left".
std::string proof_text(const View& view, std::optional<Time> began);

}  // namespace hitless::rollout
