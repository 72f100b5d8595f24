#include "gateway/table_change.h"

#include <fmt/format.h>

#include <utility>

namespace hitless::gateway {
namespace {

std::shared_ptr<Schedule> schedule_of(const model::ServiceRoute& route) {
  if (route.standing != model::Standing::serving) return nullptr;
  std::vector<std::uint32_t> weights;
  for (const model::Share& share : route.shares) weights.push_back(share.weight);
  return std::make_shared<Schedule>(weights);
}

// Both tables are ordered by service id: one walk over both.
void compare(const std::vector<model::ServiceRoute>& before,
             const std::vector<model::ServiceRoute>& after, TableChange& change) {
  auto old = before.begin();
  for (const model::ServiceRoute& route : after) {
    while (old != before.end() && old->service < route.service) {
      change.removed.push_back((old++)->service);
    }
    const bool same = old != before.end() && *old == route;
    if (old != before.end() && old->service == route.service) ++old;
    if (!same) change.changed.push_back({.route = &route, .schedule = schedule_of(route)});
  }
  for (; old != before.end(); ++old) change.removed.push_back(old->service);
}

}  // namespace

Result<std::shared_ptr<const TableChange>> TableHistory::advance(model::RouteTable table) {
  if (table.generation <= generation()) {
    return Error(Code::conflict,
                 fmt::format("generation {} is not above {}", table.generation, generation()));
  }
  auto change = std::make_shared<TableChange>();
  change->table = std::make_shared<const model::RouteTable>(std::move(table));
  const std::vector<model::ServiceRoute> nothing;
  compare(table_ == nullptr ? nothing : table_->services, change->table->services, *change);
  if (tokens_ == nullptr || table_->token_digests != change->table->token_digests) {
    tokens_ = std::make_shared<const identity::TokenVerifier>(change->table->token_digests);
  }
  change->tokens = tokens_;
  before_ = std::exchange(table_, change->table);
  return std::shared_ptr<const TableChange>(std::move(change));
}

}  // namespace hitless::gateway
