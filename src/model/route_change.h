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
  std::vector<ServiceRoute> services;  // new, or other than before; ordered by id
  std::vector<ServiceId> removed;      // ordered
  std::optional<std::vector<std::string>> token_digests;  // nullopt: as before
  friend bool operator==(const RouteChange&, const RouteChange&) = default;
};

// One walk over both, which are ordered by id: `gone` gets each that is not in `after`, `here` each
// of `after` with what it was before, or null.
template <class Gone, class Here>
void walk(const std::vector<ServiceRoute>& before, const std::vector<ServiceRoute>& after,
          Gone gone, Here here) {
  auto old = before.begin();
  for (const ServiceRoute& route : after) {
    for (; old != before.end() && old->service < route.service; ++old) gone(*old);
    const bool known = old != before.end() && old->service == route.service;
    here(route, known ? &*old++ : nullptr);
  }
  for (; old != before.end(); ++old) gone(*old);
}

RouteChange change_between(const RouteTable& before, const RouteTable& after);

// The table after it.  Errors: conflict (`before` is not its base), corrupt (what comes out breaks
// an invariant of tables, or it removes what is not there).
Result<RouteTable> apply(const RouteTable& before, RouteChange change);

// The control link's form.
json::value to_json(const RouteChange& change);
Result<RouteChange> route_change_from_json(const json::value& value);

}  // namespace hitless::model
