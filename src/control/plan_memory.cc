#include "control/plan_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/limits.h"

namespace hitless::control {

using model::Plan;

void PlanMemory::keep(const Plan& plan) {
  const MutexLock lock(mutex_);
  const bool known = std::any_of(plans_.begin(), plans_.end(),
                                 [&](const Plan& kept) { return kept.hash == plan.hash; });
  if (known) return;
  plans_.push_back(plan);
  if (plans_.size() > k_plans_kept) plans_.pop_front();
}

Error PlanMemory::outdated(const std::string& hash, const Plan& now) const {
  std::string moved =
      "it was made for another service or another body, or before the service, its models or the "
      "pool's room changed";
  {
    const MutexLock lock(mutex_);
    const auto then = std::find_if(plans_.begin(), plans_.end(),
                                   [&](const Plan& kept) { return kept.hash == hash; });
    if (then != plans_.end()) moved = moved_text(*then, now);
  }
  return Error(Code::conflict,
               fmt::format("That plan does not hold any more: {}. Nothing was changed; ask for the "
                           "plan again.",
                           moved));
}

std::string moved_text(const Plan& then, const Plan& now) {
  if (then.service != now.service) {
    return fmt::format("it is for service {}, not {}", then.service.text(), now.service.text());
  }
  if (then.from != now.from) {
    return now.from == 0
               ? fmt::format("nothing serves now, revision {} did", then.from)
               : fmt::format("revision {} serves now, not revision {}", now.from, then.from);
  }
  if (then.to != now.to) {
    return fmt::format("another change was accepted since: it would make revision {}, not {}",
                       now.to, then.to);
  }
  if (then.changes != now.changes) return "this body changes something else than that plan does";
  if (then.strategy != now.strategy) {
    return fmt::format("the pool's room has changed: the strategy would be {} ({}), it was {}",
                       to_text(now.strategy), now.reason, to_text(then.strategy));
  }
  if (then.slots != now.slots) {
    return fmt::format("the pool's room has changed: {}; before: {}", now.reason, then.reason);
  }
  if (then.hold != now.hold) return "starts of this model take another time by now";
  return "the service has changed since";
}

}  // namespace hitless::control
