// Whether a rollout can still succeed in the direction it goes.  Internal to the room; pure.
#pragma once

#include <optional>
#include <string>

#include "model/evidence.h"
#include "rollout/settle.h"

namespace hitless::rollout {

// Whether both sides of the plan are the same instances, so that going back changes weights alone.
bool keeps_instances(const model::Plan& plan);

// The same, and nothing else is there any more: no way back can mend what is broken.
bool changes_weights_alone(const Scene& scene);

// What the new side did beside the old one, if that is judged now; else what was judged last.
std::optional<model::Evidence> look(const Scene& scene);

// Bad, and more than half of the new side's answers were errors when that was found: a request is
// worse off there than anywhere it may be answered right.
bool is_mostly_wrong(const std::optional<model::Evidence>& evidence);

// Why what serves must not stay on its way although nothing about instances says so: users have
// said so, requests were lost, or the evidence is bad.  None: it may.
std::optional<std::string> find_unwanted(const View& view,
                                         const std::optional<model::Evidence>& evidence);

// Why a goal group is broken: one of the instances that this rollout started never got ready, or
// k_exits_max of them exited.  None: it is not.
std::optional<std::string> find_broken(const Scene& scene);

// Why there will be no more progress: the longest deploy timeout has passed since an instance
// last moved on, and something other than drains is missing.
std::optional<std::string> find_stalled(const Scene& scene, const Settled& settled);

// When find_stalled will answer if nothing moves; none: nothing is missing but drains.
std::optional<Time> stall_deadline(const Scene& scene, const Settled& settled);

}  // namespace hitless::rollout
