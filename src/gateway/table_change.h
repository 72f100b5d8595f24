// What one route table changes against the one before, worked out once on the link's thread, so
// that a worker's adoption costs what changed and not what there is.
//
// Immutable once made; shared by all workers.
#pragma once

#include <memory>
#include <vector>

#include "gateway/admission.h"
#include "gateway/schedule.h"
#include "identity/verify.h"
#include "model/route.h"

namespace hitless::gateway {

struct ServiceChange {
  const model::ServiceRoute* route = nullptr;  // in `table`
  std::shared_ptr<Schedule> schedule;          // null when no share takes traffic
  std::shared_ptr<Admission> admission;        // the same from the service's first table on
};

struct TableChange {
  std::shared_ptr<const model::RouteTable> table;
  std::shared_ptr<const identity::TokenVerifier> tokens;
  std::vector<ServiceChange> changed;  // new, or other than before
  std::vector<model::ServiceId> removed;
};

// Makes the changes, table after table.  Thread: the link's.
class TableHistory {
 public:
  // conflict when the generation is not above the last one's; the table's own invariants have been
  // checked (model::check).
  Result<std::shared_ptr<const TableChange>> advance(model::RouteTable table);

  // The last one; null before the first.
  const std::shared_ptr<const model::RouteTable>& table() const { return table_; }
  model::Generation generation() const { return table_ == nullptr ? 0 : table_->generation; }

 private:
  // What goes on from table to table, for each service of the last one, in its order.
  struct Kept {
    std::shared_ptr<Schedule> schedule;
    std::shared_ptr<Admission> admission;
  };
  void compare(const std::vector<model::ServiceRoute>& before,
               const std::vector<model::ServiceRoute>& after, TableChange& change);

  std::vector<Kept> kept_;
  std::shared_ptr<const model::RouteTable> table_;
  // Kept until all workers have let go of it: giving ten thousand services back takes longer than a
  // worker's clients should wait.
  std::shared_ptr<const model::RouteTable> before_;
  std::shared_ptr<const identity::TokenVerifier> tokens_;
};

}  // namespace hitless::gateway
