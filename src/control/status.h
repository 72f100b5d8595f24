// What a service's user sees of it: the wire status (contract: service states).  Pure.
#pragma once

#include "control/service_state.h"
#include "rollout/step.h"

namespace hitless::control {

// The service as it stands after `decision`; `newest` is its newest rollout after it, or nullptr.
model::Service service_after(const ServiceState& state, const model::Rollout* newest,
                             const rollout::View& view, const rollout::Decision& decision);

}  // namespace hitless::control
