// What differs between two configurations, field by field, with its class.  Internal; pure.
#pragma once

#include <vector>

#include "model/plan.h"
#include "rollout/match.h"

namespace hitless::rollout {

std::vector<model::Change> compare_configs(const model::ServiceConfig& from,
                                           const model::ServiceConfig& to, const Pairing& pairing);

}  // namespace hitless::rollout
