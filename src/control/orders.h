// What a user's order makes of a rollout under way.  Pure; the loop writes it down.
#pragma once

#include "control/port.h"
#include "model/event.h"
#include "model/rollout.h"

namespace hitless::control {

// Puts the order on the rollout; the event tells of it.  conflict: the rollout's state does not
// take such an order, which the text names; nothing was changed then.
Result<model::Event> obey(model::Rollout& rollout, const RolloutOrder& order, Time now);

// Ends it because `next` takes its place, which takes over what of its instances is there.
// conflict: it has ended by itself meanwhile.
Result<void> supersede(model::Rollout& rollout, model::Rollout& next, Time now);

// What keeps this revision from being deleted, a clause each: "serves", "rollout r leads to it".
struct RevisionStanding {
  const model::Service& service;
  const std::optional<model::Rollout>& under_way;
  const std::vector<model::Instance>& instances;
  model::RevisionNumber newest = 0;
  model::RevisionNumber back = 0;  // a rollback without a revision goes to it
};
std::vector<std::string> uses_of(model::RevisionNumber revision, const RevisionStanding& standing);

}  // namespace hitless::control
