#include "gateway/table_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

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

template <class Visit>
void each_instance(const model::ServiceRoute& route, Visit visit) {
  for (const model::Share& share : route.shares) {
    for (const model::Endpoint& endpoint : share.endpoints) visit(endpoint.instance);
  }
}

}  // namespace

model::RouteTable TableHistory::table() const {
  model::RouteTable table{.generation = generation_, .token_digests = token_digests_};
  table.services.reserve(services_.size());
  for (const auto& [id, known] : services_) table.services.push_back(known.route);
  return table;
}

// Each service once and in order, and none of them both changed and removed.
Result<void> TableHistory::check(const model::RouteChange& change) const {
  Ids named;
  const auto broken = [](std::string text) { return Error(Code::corrupt, std::move(text)); };
  for (const model::SharedRoute& route : change.services) {
    HL_TRY(model::check(*route));
    const std::string& name = route->service.text();
    if (!named.empty() && route->service < *named.rbegin()) {
      return broken(fmt::format("service {} is out of order in the change", name));
    }
    if (!named.insert(route->service).second) {
      return broken(fmt::format("service {} is twice in the change", name));
    }
  }
  for (const model::ServiceId& service : change.removed) {
    if (!services_.contains(service) || !named.insert(service).second) {
      return broken(
          fmt::format("{} is removed and is not there, or is changed too", service.text()));
    }
  }
  if (change.token_digests) {
    HL_TRY(model::check_token_digests(*change.token_digests));
  }
  return check_instances(change, named);
}

// An instance is in one share alone, of all services: those of the change, `named`, and the others.
Result<void> TableHistory::check_instances(const model::RouteChange& change,
                                           const Ids& named) const {
  std::unordered_set<std::string_view> seen;
  const std::string* twice = nullptr;
  for (const model::SharedRoute& route : change.services) {
    each_instance(*route, [&](const model::InstanceId& instance) {
      const auto owner = instances_.find(instance.text());
      const bool is_others = owner != instances_.end() && !named.contains(*owner->second);
      if (is_others || !seen.insert(instance.text()).second) twice = &instance.text();
    });
  }
  if (twice == nullptr) return {};
  return Error(Code::corrupt, fmt::format("instance {} is in two shares", *twice));
}

void TableHistory::forget_instances(const model::ServiceRoute& route) {
  each_instance(route, [&](const model::InstanceId& id) { instances_.erase(id.text()); });
}

ServiceChange TableHistory::put(const model::SharedRoute& route) {
  const auto found = services_.find(route->service);
  if (found == services_.end()) {
    Known known{route, schedule_of(*route, nullptr, nullptr), std::make_shared<Admission>()};
    const Known& added = services_.emplace(route->service, std::move(known)).first->second;
    return {added.route, added.schedule, added.admission};
  }
  Known& known = found->second;
  known.schedule = schedule_of(*route, &*known.route, known.schedule);
  if (known.route->traffic.rate != route->traffic.rate) known.admission->fill_bucket();
  known.route = route;
  return {known.route, known.schedule, known.admission};
}

// First all that goes: an instance may move from one service to another.
std::shared_ptr<const TableChange> TableHistory::commit(model::RouteChange change) {
  auto made = std::make_shared<TableChange>();
  made->generation = generation_ = change.generation;
  for (const model::SharedRoute& route : change.services) {
    const auto found = services_.find(route->service);
    if (found != services_.end()) forget_instances(*found->second.route);
  }
  for (const model::ServiceId& service : change.removed) {
    const auto found = services_.find(service);
    forget_instances(*found->second.route);
    services_.erase(found);
  }
  made->changed.reserve(change.services.size());
  for (const model::SharedRoute& route : change.services) {
    made->changed.push_back(put(route));
    each_instance(*route, [&](const model::InstanceId& instance) {
      instances_.emplace(instance.text(), &route->service);
    });
  }
  made->removed = std::move(change.removed);
  if (tokens_ == nullptr || change.token_digests) {
    if (change.token_digests) token_digests_ = *std::move(change.token_digests);
    tokens_ = std::make_shared<const identity::TokenVerifier>(token_digests_);
  }
  made->tokens = tokens_;
  last_ = made;
  return made;
}

Result<std::shared_ptr<const TableChange>> TableHistory::advance(model::RouteTable table) {
  if (table.generation <= generation_) {
    return Error(Code::conflict,
                 fmt::format("generation {} is not above {}", table.generation, generation_));
  }
  return commit(model::change_between(this->table(), table));
}

Result<std::shared_ptr<const TableChange>> TableHistory::advance(model::RouteChange change) {
  if (generation_ == 0) return Error(Code::conflict, "a change, and there is no table");
  if (change.base != generation_ || change.generation <= generation_) {
    return Error(Code::conflict, fmt::format("a change of table {} into {}, and this is {}",
                                             change.base, change.generation, generation_));
  }
  HL_TRY(check(change));
  return commit(std::move(change));
}

}  // namespace hitless::gateway
