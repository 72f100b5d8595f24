// A RouteTable is who gets every service's traffic right now, and in which share.
//
// Value.  Built by control, published to the gateway, never changed after.  What is not
// ready is not in it, so it cannot be routed to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/ids.h"
#include "model/traffic_policy.h"

namespace hitless::model {

// Inside one share (contract: load_balancer_policy).
enum class Balance { round_robin, least_connections, source_ip };

// One instance that has passed its probe.
struct Endpoint {
  InstanceId instance;
  Address address;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A share's weight at the most: the gateway lays a whole period of turns out (gateway/schedule.h).
inline constexpr std::uint32_t k_weight_max = 1000;

// The part of a service's traffic that one group of equal instances gets.
struct Share {
  RevisionNumber revision = 0;      // named in every answer
  std::uint32_t weight = 0;         // relative to the other shares' weights; 0 gets nothing
  std::vector<Endpoint> endpoints;  // ordered by instance id; never empty when weight > 0
  std::string group{};              // Group::key; requests are counted apart by it
  friend bool operator==(const Share&, const Share&) = default;
};

// Why a service has no share that takes traffic.
enum class Standing { serving, not_ready, stopped };

struct ServiceRoute {
  ServiceId service;
  Standing standing = Standing::not_ready;
  Balance balance = Balance::round_robin;
  std::vector<Share> shares;
  Duration hold{};  // how long a request may wait for an endpoint; 0: the gateway's own limit
  TrafficPolicy traffic{};
  friend bool operator==(const ServiceRoute&, const ServiceRoute&) = default;
};

// A ServiceRoute that tables share: the next table has the same ones but for what it changes.
// Copying one and telling that two are the same costs next to nothing.
class SharedRoute {
 public:
  SharedRoute(ServiceRoute route)  // NOLINT: a route is one by itself
      : route_(std::make_shared<const ServiceRoute>(std::move(route))) {}

  const ServiceRoute& operator*() const { return *route_; }
  const ServiceRoute* operator->() const { return route_.get(); }
  // Puts one in its place that differs in what `edit` does; who shares it keeps the old one.
  template <class Edit>
  void change(Edit edit) {
    ServiceRoute changed = *route_;
    edit(changed);
    route_ = std::make_shared<const ServiceRoute>(std::move(changed));
  }

  friend bool operator==(const SharedRoute& left, const SharedRoute& right) {
    return left.route_ == right.route_ || *left.route_ == *right.route_;
  }

 private:
  std::shared_ptr<const ServiceRoute> route_;
};

// Invariants: generation is greater than that of any table published before; services are ordered
// by id and unique; an instance is in at most one share; a service is `serving` exactly when a
// share of it has weight; a weight is at most k_weight_max.
struct RouteTable {
  Generation generation = 0;
  std::vector<SharedRoute> services;
  // SHA-256, in hex, of each token that may call services.
  std::vector<std::string> token_digests;
  friend bool operator==(const RouteTable&, const RouteTable&) = default;
};

// The invariants above, for a table that comes from outside or from a caller's hands.
Result<void> check(const RouteTable& table);
// Those of one service by itself, without its instances.
Result<void> check(const ServiceRoute& route);
Result<void> check_token_digests(const std::vector<std::string>& digests);

// The control link's form.
json::value to_json(const RouteTable& table);
Result<RouteTable> route_table_from_json(const json::value& value);  // checks the invariants

// Part of it, which a change of a table has too (route_change.h).
json::value to_json(const ServiceRoute& route);
Result<SharedRoute> service_route_from_json(const json::value& value);

}  // namespace hitless::model
