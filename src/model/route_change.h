// What turns one route table into the next, for whoever has the one before: a change of one service
// among ten thousand is a few hundred bytes then, and not six megabytes.
//
// Value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/route.h"

namespace hitless::model {

struct RouteChange {
  Generation base = 0;  // of the table that it changes
  Generation generation = 0;
  std::vector<SharedRoute> services;  // new, or other than before; ordered by id
  std::vector<ServiceId> removed;     // ordered
  std::optional<std::vector<std::string>> token_digests;  // nullopt: as before
  friend bool operator==(const RouteChange&, const RouteChange&) = default;
};

// Costs next to nothing for the routes that both share.
RouteChange change_between(const RouteTable& before, const RouteTable& after);

// The control link's form.
json::value to_json(const RouteChange& change);
Result<RouteChange> route_change_from_json(const json::value& value);

}  // namespace hitless::model
