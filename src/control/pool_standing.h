// How the pool stands as of the loop's last pass, for plans.  Values.
#pragma once

#include <optional>
#include <vector>

#include "model/service.h"
#include "rollout/step.h"

namespace hitless::control {

struct PoolStanding {
  rollout::Room capacity;                 // empty
  rollout::Room room;                     // what is left
  std::vector<model::Resources> own;      // taken by the service that is asked about
  std::vector<model::Resources> leaving;  // by those of other services
};

// What would be left with exactly this revision's instances there and nothing else of the service;
// none: with nothing of it.
rollout::Room room_beside(const PoolStanding& pool, const std::optional<model::Revision>& serving);

// The same once everything that is on its way out has gone.
rollout::Room room_to_come(const PoolStanding& pool, const std::optional<model::Revision>& serving);

}  // namespace hitless::control
