// What one route table changes against the one before, worked out once on the link's thread, so
// that a worker's adoption costs what changed and not what there is.
//
// Immutable once made; shared by all workers.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/admission.h"
#include "gateway/schedule.h"
#include "identity/verify.h"
#include "model/route.h"
#include "model/route_change.h"

namespace hitless::gateway {

struct ServiceChange {
  model::SharedRoute route;
  std::shared_ptr<Schedule> schedule;    // null when no share takes traffic
  std::shared_ptr<Admission> admission;  // the same from the service's first table on
};

struct TableChange {
  model::Generation generation = 0;
  std::shared_ptr<const identity::TokenVerifier> tokens;
  std::vector<ServiceChange> changed;  // new, or other than before
  std::vector<model::ServiceId> removed;
};

// The newest table, and the changes from one to the next.  What a change costs here too is what
// it changes: the workers share the cores with this.  Thread: the link's.
class TableHistory {
 public:
  // conflict when the generation is not above the last one's; the table's own invariants have been
  // checked (model::check).
  Result<std::shared_ptr<const TableChange>> advance(model::RouteTable table);
  // Also conflict when it is not a change of the last table, and corrupt when what would come out
  // breaks an invariant of tables, or it removes what is not there.  Nothing has changed then.
  Result<std::shared_ptr<const TableChange>> advance(model::RouteChange change);

  // The last one; generation 0 before the first.  Costs a little for each service.
  model::RouteTable table() const;
  model::Generation generation() const { return generation_; }

 private:
  struct Known {
    model::SharedRoute route;
    std::shared_ptr<Schedule> schedule;
    std::shared_ptr<Admission> admission;
  };
  using Ids = std::set<model::ServiceId>;

  Result<void> check(const model::RouteChange& change) const;
  Result<void> check_instances(const model::RouteChange& change, const Ids& named) const;
  std::shared_ptr<const TableChange> commit(model::RouteChange change);
  ServiceChange put(const model::SharedRoute& route);
  void forget_instances(const model::ServiceRoute& route);

  model::Generation generation_ = 0;
  std::map<model::ServiceId, Known> services_;
  // The service of each instance; both names are those in the route, which is in services_.
  std::unordered_map<std::string_view, const model::ServiceId*> instances_;
  std::vector<std::string> token_digests_;
  std::shared_ptr<const identity::TokenVerifier> tokens_;
  // Kept until all workers have let go of it: giving what was in a large one back takes longer than
  // a worker's clients should wait.
  std::shared_ptr<const TableChange> last_;
};

}  // namespace hitless::gateway
