// What a service's user sees of it: the wire status (contract: service states) and the
// events (contract: events).  Pure.
#pragma once

#include <vector>

#include "control/service_state.h"
#include "model/event.h"
#include "rollout/step.h"

namespace hitless::control {

// The service as it stands after `decision`; `newest` is its newest rollout after it, or nullptr.
model::Service service_after(const ServiceState& state, const model::Rollout* newest,
                             const rollout::View& view, const rollout::Decision& decision);

// Events of a rollout that has just entered its phase.
void add_phase_events(const ServiceState& state, const model::Rollout& rollout,
                      std::vector<model::Event>& events);

// Events of instances that have just changed.
void add_instance_events(const ServiceState& state, const std::vector<model::Instance>& changed,
                         std::vector<model::Event>& events);

// Events of a change of status outside of a rollout: alarm on and off.
void add_status_events(const model::Service& before, const model::Service& after, Time now,
                       std::vector<model::Event>& events);

// The first events of an accepted change.
model::Event accepted_event(const model::Service& service, const model::Plan& plan, Time now);

// Of a change that waited for the end of another.
model::Event queued_event(const model::Service& service, model::RevisionNumber waiting,
                          model::RevisionNumber replaced, Time now);
model::Event dropped_event(const model::Service& service, model::RevisionNumber waiting,
                           const std::string& why, Time now);

}  // namespace hitless::control
