// The RouteBook is what control has told the gateway: every service's route, which table holds it,
// and therefore where each instance stands in the tables that workers may still be using.
//
// Owner: the control loop; its thread only.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/route.h"
#include "rollout/step.h"

namespace hitless::control {

class RouteBook {
 public:
  // Keeps `route` for the next table.
  void put(model::ServiceRoute route);
  void remove(const model::ServiceId& service);

  // What was put last; nullptr: nothing was.
  const model::ServiceRoute* find(const model::ServiceId& service) const;

  bool changed() const { return changed_; }

  // The whole table under `generation`, which must be above every one before.
  model::RouteTable make_table(model::Generation generation,
                               const std::vector<std::string>& token_digests);

  // Every worker uses the newest route of every service.
  bool is_adopted() const { return ours_adopted_ && !changed_ && in_use_.size() == 1; }

  // Forgets tables older than what every worker has adopted.
  void adopted(model::Generation generation);

  // none: in no table that may be in use; full: in all of them.  Before our first table is adopted
  // workers may use one of a former serve that we do not know: then it is partly.
  rollout::Routing routing(const model::InstanceId& instance) const;

 private:
  struct Published {
    model::Generation generation = 0;
    std::set<model::InstanceId> instances;
  };
  std::map<model::ServiceId, model::ServiceRoute> routes_;
  std::deque<Published> in_use_;  // oldest first; the last is the newest published
  bool ours_adopted_ = false;     // workers have at least one table of this book
  bool changed_ = true;           // the first table goes out even when it is empty
};

}  // namespace hitless::control
