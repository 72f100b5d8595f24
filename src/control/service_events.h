// What happened to a service, as its user reads it (contract: events).  Pure.
#pragma once

#include <string>
#include <vector>

#include "control/service_state.h"
#include "model/event.h"

namespace hitless::control {

// Events of a rollout that has just entered its phase.
void add_phase_events(const ServiceState& state, const model::Rollout& rollout,
                      std::vector<model::Event>& events);

// Events of what `after` does within a phase: a step has its weight, the pool has no room.
void add_course_events(const ServiceState& state, const model::Rollout& after, Time now,
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
