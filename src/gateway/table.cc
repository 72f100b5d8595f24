#include "gateway/table.h"

#include <algorithm>

#include "gateway/session.h"

namespace hitless::gateway {

ServiceEntry* Table::find(std::string_view service) {
  const auto found = services_.find(service);
  return found == services_.end() ? nullptr : found->second.get();
}

ServiceEntry& Table::entry_of(const model::ServiceId& service) {
  std::unique_ptr<ServiceEntry>& entry = services_[service.text()];
  if (entry == nullptr) {
    entry = std::make_unique<ServiceEntry>();
    entry->id = service;
    entry->routed = true;
    entry->unrouted = &counters_.of(service, 0, {});
  }
  return *entry;
}

// One that comes back before its last lease has gone goes on counting where it was.
std::unique_ptr<Endpoint> Table::take_retired(const model::Endpoint& wanted) {
  const auto found = std::find_if(retired_.begin(), retired_.end(), [&](const auto& endpoint) {
    return endpoint->instance == wanted.instance && endpoint->address == wanted.address;
  });
  if (found == retired_.end()) return nullptr;
  std::unique_ptr<Endpoint> endpoint = std::move(*found);
  retired_.erase(found);
  endpoint->retired = false;
  return endpoint;
}

// An instance that moved to another address is another endpoint: the old one's connections and
// leases must not be taken for the new one's.
Endpoint& Table::endpoint_of(const model::Endpoint& wanted) {
  std::unique_ptr<Endpoint>& endpoint = endpoints_[wanted.instance.text()];
  if (endpoint == nullptr) endpoint = take_retired(wanted);
  if (endpoint == nullptr) {
    endpoint = std::make_unique<Endpoint>();
    endpoint->instance = wanted.instance;
    endpoint->number = number_of(wanted.instance.text());
    endpoint->address = wanted.address;
    auto socket_address = net::to_socket_address(wanted.address);
    // A table with an address of another kind has been refused where it came in.
    HL_CHECK(socket_address);
    endpoint->socket_address = *socket_address;
  }
  endpoint->adoption = adoptions_;
  counters_.changed(*endpoint);
  return *endpoint;
}

Table::Adopted Table::adopt(const TableChange& change) {
  Adopted adopted;
  ++adoptions_;
  generation_ = change.generation;
  if (tokens_ != change.tokens) {
    tokens_ = change.tokens;
    tokens_since_ = generation_;
  }
  std::vector<Endpoint*> before;
  const auto remember = [&](const ServiceEntry& entry) {
    for (const ShareEntry& share : entry.shares) {
      before.insert(before.end(), share.endpoints.begin(), share.endpoints.end());
    }
  };
  for (const ServiceChange& service : change.changed) {
    remember(entry_of(service.route->service));
  }
  for (const model::ServiceId& service : change.removed) {
    const auto found = services_.find(service.text());
    HL_CHECK(found != services_.end());
    remember(*found->second);
    found->second->routed = false;
    found->second->shares.clear();
    adopted.changed.push_back(found->second.get());
    leaving_.push_back(std::move(found->second));
    services_.erase(found);
  }
  // First what goes to another address, then what stays and comes.
  for (const ServiceChange& service : change.changed) {
    for (const model::Share& share : service.route->shares) {
      for (const model::Endpoint& endpoint : share.endpoints) {
        const auto found = endpoints_.find(endpoint.instance.text());
        if (found == endpoints_.end() || found->second->address == endpoint.address) continue;
        found->second->retired = true;
        adopted.retired.push_back(found->second.get());
        retired_.push_back(std::move(found->second));
        endpoints_.erase(found);
      }
    }
  }
  for (const ServiceChange& service : change.changed) {
    apply(service, entry_of(service.route->service), adopted);
  }
  retire_unrouted(before, adopted);
  return adopted;
}

void Table::apply(const ServiceChange& change, ServiceEntry& entry, Adopted& adopted) {
  const model::ServiceRoute& route = *change.route;
  entry.standing = route.standing;
  entry.balance = route.balance;
  entry.schedule = change.schedule;
  entry.admission = change.admission;
  entry.traffic = route.traffic;
  entry.hold_time = route.hold;
  entry.shares.clear();
  for (const model::Share& share : route.shares) {
    ShareEntry& made = entry.shares.emplace_back();
    made.revision = share.revision;
    made.weight = share.weight;
    made.group = number_of(share.group.empty() ? std::to_string(share.revision) : share.group);
    made.counters = &counters_.of(route.service, share.revision, share.group);
    made.cursor = worker_;  // workers begin at different endpoints
    for (const model::Endpoint& endpoint : share.endpoints) {
      made.endpoints.push_back(&endpoint_of(endpoint));
      if (!route.traffic.breaker.is_set()) made.endpoints.back()->circuit = Circuit();
    }
  }
  adopted.changed.push_back(&entry);
}

void Table::retire_unrouted(const std::vector<Endpoint*>& before, Adopted& adopted) {
  for (Endpoint* endpoint : before) {
    if (endpoint->retired || endpoint->adoption == adoptions_) continue;
    endpoint->retired = true;
    adopted.retired.push_back(endpoint);
    const auto found = endpoints_.find(endpoint->instance.text());
    retired_.push_back(std::move(found->second));
    endpoints_.erase(found);
  }
}

void Table::sweep() {
  std::erase_if(retired_, [&](const std::unique_ptr<Endpoint>& endpoint) {
    if (endpoint->in_flight > 0) return false;
    counters_.forget(*endpoint);
    // The same instance at another address keeps its place in the counts.
    if (!endpoints_.contains(endpoint->instance.text())) counters_.gone(endpoint->instance);
    return true;
  });
  std::erase_if(leaving_, [](const auto& entry) { return entry->users == 0; });
}

}  // namespace hitless::gateway
