// plan_change compares what shall serve with what serves.  Pure: no clock, no I/O.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "model/instance.h"
#include "model/plan.h"
#include "model/rollout.h"
#include "rollout/step.h"

namespace hitless::rollout {

// Instances of one group that run or start, and are not on their way out.
struct Present {
  std::string group;
  model::RevisionNumber revision = 0;
  int count = 0;
};

struct PlanInput {
  model::ServiceId service;
  model::RolloutKind kind = model::RolloutKind::update;
  std::optional<model::Revision> from;  // what serves, or served last; none on a first deployment
  std::optional<model::Revision> to;    // none: stop or remove
  Room capacity;                        // of the pool, empty …
  Room room;                            // … and now, with the whole of `from` in it and nothing
                                        // else of this service
  // How this one change is made, instead of what `to` says: a rollback on demand knows no steps.
  std::optional<model::RolloutPolicy> policy = {};
  // What starts of these models took, the median of the last ones; absent: never measured.
  std::map<model::ModelId, Duration> start_times;
  std::vector<model::Change> notes{};  // of the service beside its configuration
  bool keeps = false;                  // the service does not run: `to` is for its next start
  // What there is of the service while a change is under way; none: all that `from` says.
  std::optional<std::vector<Present>> present = {};

  // What `policy` says, or `to`; to must be there.
  const model::RolloutPolicy& effective_policy() const {
    return policy ? *policy : to->config.policy;
  }
};

// Every changed field gets its class, entries are matched (the same template first, then by place),
// a strategy is picked (strategy.h) with its numbers, and what to expect is reckoned (forecast.h).
// invalid: the change can never be carried out, the text names the field; exhausted: it would wait
// for room that nothing of this service makes, the text has the arithmetic.
Result<model::Plan> plan_change(const PlanInput& input);

// What a change during a change starts from, and goes back to if it fails: what the one under way
// started from, because that served.  A first deployment that has something ready by now is itself
// what serves; 0 if it has not, or has failed.
model::RevisionNumber base_of(const model::Plan& under_way, model::Phase phase,
                              const std::vector<model::Instance>& instances);

// max_surge and max_unavailable as numbers (contract: rolling upgrade): below 1 a share of `count`,
// surge rounded up, unavailable down; exactly 1 and above a number; both 0 makes surge 1.
struct Allowance {
  int surge = 1;
  int unavailable = 0;
};
Allowance resolve_allowance(const model::Knobs& knobs, int count);

}  // namespace hitless::rollout
