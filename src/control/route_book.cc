#include "control/route_book.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::control {

void RouteBook::put(model::ServiceRoute route) {
  const auto [place, added] = routes_.try_emplace(route.service, route);
  if (!added && place->second == route) return;
  place->second = std::move(route);
  changed_ = true;
}

void RouteBook::remove(const model::ServiceId& service) {
  if (routes_.erase(service) > 0) changed_ = true;
}

const model::ServiceRoute* RouteBook::find(const model::ServiceId& service) const {
  const auto route = routes_.find(service);
  return route == routes_.end() ? nullptr : &route->second;
}

model::RouteTable RouteBook::make_table(model::Generation generation,
                                        const std::vector<std::string>& token_digests) {
  HL_CHECK(in_use_.empty() || generation > in_use_.back().generation);
  model::RouteTable table{.generation = generation, .services = {}, .token_digests = token_digests};
  Published published{.generation = generation, .instances = {}};
  for (const auto& [id, route] : routes_) {
    table.services.push_back(route);
    for (const model::Share& share : route.shares) {
      for (const model::Endpoint& endpoint : share.endpoints) {
        published.instances.insert(endpoint.instance);
      }
    }
  }
  in_use_.push_back(std::move(published));
  changed_ = false;
  return table;
}

void RouteBook::adopted(model::Generation generation) {
  if (in_use_.empty() || generation < in_use_.front().generation) {
    // A gateway that was restarted has none of our tables; the client sends the newest again.
    ours_adopted_ = ours_adopted_ && generation != 0;
    return;
  }
  ours_adopted_ = true;
  while (in_use_.size() > 1 && in_use_[1].generation <= generation) in_use_.pop_front();
}

rollout::Routing RouteBook::routing(const model::InstanceId& instance) const {
  if (!ours_adopted_) return rollout::Routing::partly;
  const auto holding = std::count_if(in_use_.begin(), in_use_.end(), [&](const Published& table) {
    return table.instances.contains(instance);
  });
  if (holding == 0) return rollout::Routing::none;
  return static_cast<std::size_t>(holding) == in_use_.size() ? rollout::Routing::full
                                                             : rollout::Routing::partly;
}

}  // namespace hitless::control
