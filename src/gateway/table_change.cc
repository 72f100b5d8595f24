#include "gateway/table_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/route_change.h"

namespace hitless::gateway {
namespace {

bool has_same_weights(const model::ServiceRoute& left, const model::ServiceRoute& right) {
  const auto same = [](const model::Share& one, const model::Share& other) {
    return one.weight == other.weight && one.revision == other.revision && one.group == other.group;
  };
  return std::equal(left.shares.begin(), left.shares.end(), right.shares.begin(),
                    right.shares.end(), same);
}

// Turns go on where they were: exactly so while the weights stay.
std::shared_ptr<Schedule> schedule_of(const model::ServiceRoute& route,
                                      const model::ServiceRoute* before,
                                      const std::shared_ptr<Schedule>& used) {
  if (route.standing != model::Standing::serving) return nullptr;
  if (used != nullptr && has_same_weights(*before, route)) return used;
  std::vector<std::uint32_t> weights;
  for (const model::Share& share : route.shares) weights.push_back(share.weight);
  return std::make_shared<Schedule>(weights, used == nullptr ? 0 : used->position());
}

}  // namespace

void TableHistory::compare(const std::vector<model::ServiceRoute>& before,
                           const std::vector<model::ServiceRoute>& after, TableChange& change) {
  std::vector<Kept> kept;
  kept.reserve(after.size());
  const auto gone = [&](const model::ServiceRoute& old) { change.removed.push_back(old.service); };
  const auto here = [&](const model::ServiceRoute& route, const model::ServiceRoute* old) {
    if (old == nullptr) {
      kept.push_back({schedule_of(route, nullptr, nullptr), std::make_shared<Admission>()});
    } else {
      Kept& used = kept_[static_cast<std::size_t>(old - before.data())];
      if (*old == route) return kept.push_back(std::move(used));
      kept.push_back({schedule_of(route, old, used.schedule), used.admission});
      if (old->traffic.rate != route.traffic.rate) used.admission->fill_bucket();
    }
    change.changed.push_back({&route, kept.back().schedule, kept.back().admission});
  };
  model::walk(before, after, gone, here);
  kept_ = std::move(kept);
}

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
