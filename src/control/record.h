// record_of() turns a decision into what the store shall say.  Pure.
#pragma once

#include "control/service_state.h"
#include "rollout/step.h"
#include "store/store.h"

namespace hitless::control {

// The new rows; empty() when nothing worth writing changed.
struct Recording {
  store::DecisionRecord rows;
  bool finished = false;        // the rollout reached its end with this decision
  bool evidence_alone = false;  // nothing else of it is new

  bool empty() const {
    return !rows.rollout && rows.instances.empty() && !rows.service && rows.events.empty();
  }
};

Recording record_of(const ServiceState& state, const rollout::View& view,
                    const rollout::Decision& decision);

}  // namespace hitless::control
