// Sentences for the user: what a rollout waits for, and how it ended.  Internal to the room; pure.
#pragma once

#include <optional>
#include <string>

#include "rollout/settle.h"

namespace hitless::rollout {

// What is missing to completeness, without the time left: "no room in the pool for one more
// instance", "1 of 2 instances fails its probe: HTTP 503".  Empty: nothing.
std::string lack_of(const Scene& scene, const Settled& settled);

// What is waited for, drains included: lack_of with the time left, or who still has requests.
std::string wait_of(const Scene& scene, const Settled& settled);

// The same for a service that is kept as it is: "1 of 2 instances ready: vad-r2-3 ended with exit
// status 1, next try in 4.0 s".  Empty: all is well.
std::string tend_text(const Scene& scene, const Settled& settled);

// How a terminal phase came about.  What came too seldom to be judged by is said.
std::string end_of(const model::Plan& plan, model::Phase phase, const std::string& reason,
                   const std::optional<model::Evidence>& evidence);

// "1180 s", "0.4 s".
std::string time_left(Time now, Time deadline);

}  // namespace hitless::rollout
