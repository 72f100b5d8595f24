#include "model/route.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <unordered_set>

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Balance, 3> k_balances{{
    {Balance::round_robin, "round_robin"},
    {Balance::least_connections, "least_connections"},
    {Balance::source_ip, "source_ip"},
}};

constexpr Words<Standing, 3> k_standings{{
    {Standing::serving, "serving"},
    {Standing::not_ready, "not_ready"},
    {Standing::stopped, "stopped"},
}};

Result<const json::object*> as_object(const json::value& value, std::string_view what) {
  const json::object* object = value.if_object();
  if (object == nullptr) return Error(Code::corrupt, fmt::format("{} must be an object", what));
  return object;
}

json::object to_json(const Endpoint& endpoint) {
  return {{"instance", endpoint.instance.text()}, {"address", to_text(endpoint.address)}};
}

json::object to_json(const Share& share) {
  json::array endpoints;
  for (const Endpoint& endpoint : share.endpoints) endpoints.push_back(to_json(endpoint));
  return {{"revision", share.revision},
          {"group", share.group},
          {"weight", share.weight},
          {"endpoints", endpoints}};
}

Result<Endpoint> endpoint_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "an endpoint"));
  HL_TRY_ASSIGN(std::string instance, get_string(*object, "instance"));
  HL_TRY_ASSIGN(const std::string text, get_string(*object, "address"));
  HL_TRY_ASSIGN(Address address, parse_address(text));
  if (instance.empty()) return Error(Code::corrupt, "an endpoint has no instance id");
  return Endpoint{.instance = InstanceId(std::move(instance)), .address = std::move(address)};
}

Result<Share> share_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "a share"));
  Share share;
  HL_TRY_ASSIGN(share.revision, get_int(*object, "revision"));
  HL_TRY_ASSIGN(share.group, get_string(*object, "group"));
  HL_TRY_ASSIGN(const std::int64_t weight, get_int(*object, "weight"));
  if (weight < 0 || weight > std::int64_t{k_weight_max}) {
    return Error(Code::corrupt, fmt::format("weight {} is not in 0…{}", weight, k_weight_max));
  }
  share.weight = static_cast<std::uint32_t>(weight);
  HL_TRY_ASSIGN(const json::array* endpoints, get_array(*object, "endpoints"));
  for (const json::value& item : *endpoints) {
    HL_TRY_ASSIGN(Endpoint endpoint, endpoint_from_json(item));
    share.endpoints.push_back(std::move(endpoint));
  }
  return share;
}

}  // namespace

Result<void> check(const ServiceRoute& route) {
  const auto broken = [](std::string text) { return Error(Code::corrupt, std::move(text)); };
  const std::string& name = route.service.text();
  if (name.empty()) return broken("a service has no id");
  bool takes_traffic = false;
  for (const Share& share : route.shares) {
    if (share.weight > 0 && share.endpoints.empty()) {
      return broken(
          fmt::format("service {}: revision {} has weight and no endpoint", name, share.revision));
    }
    takes_traffic = takes_traffic || share.weight > 0;
  }
  if ((route.standing == Standing::serving) != takes_traffic) {
    return broken(fmt::format("service {}: its standing and its shares disagree", name));
  }
  return {};
}

Result<void> check_token_digests(const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) {
    if (digest.size() != 64) return Error(Code::corrupt, "a token digest must have 64 hex digits");
  }
  return {};
}

Result<void> check(const RouteTable& table) {
  const auto broken = [](std::string text) { return Error(Code::corrupt, std::move(text)); };
  if (table.generation == 0) return broken("a route table's generation must be at least 1");
  std::unordered_set<std::string_view> instances;
  const ServiceId* before = nullptr;
  for (const SharedRoute& route : table.services) {
    HL_TRY(check(*route));
    if (before != nullptr && !(*before < route->service)) {
      return broken(
          fmt::format("service {} is out of order or twice in the table", route->service.text()));
    }
    before = &route->service;
    for (const Share& share : route->shares) {
      for (const Endpoint& endpoint : share.endpoints) {
        if (!instances.insert(endpoint.instance.text()).second) {
          return broken(fmt::format("instance {} is in two shares", endpoint.instance.text()));
        }
      }
    }
  }
  return check_token_digests(table.token_digests);
}

json::value to_json(const ServiceRoute& route) {
  json::array shares;
  for (const Share& share : route.shares) shares.push_back(to_json(share));
  json::object object{{"service", route.service.text()},
                      {"standing", text_of(k_standings, route.standing)},
                      {"balance", text_of(k_balances, route.balance)},
                      {"hold_us", route.hold.count()},
                      {"shares", shares}};
  if (route.traffic != TrafficPolicy()) object["traffic"] = to_json(route.traffic);
  return object;
}

Result<SharedRoute> service_route_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "a service"));
  ServiceRoute route;
  HL_TRY_ASSIGN(std::string service, get_string(*object, "service"));
  route.service = ServiceId(std::move(service));
  HL_TRY_ASSIGN(const std::string standing, get_string(*object, "standing"));
  HL_TRY_ASSIGN(route.standing, value_of(k_standings, standing, "standing"));
  HL_TRY_ASSIGN(const std::string balance, get_string(*object, "balance"));
  HL_TRY_ASSIGN(route.balance, value_of(k_balances, balance, "balance"));
  HL_TRY_ASSIGN(const std::int64_t hold, get_int(*object, "hold_us"));
  if (hold < 0) return Error(Code::corrupt, "a hold must not be negative");
  route.hold = Duration(hold);
  HL_TRY_ASSIGN(route.traffic, find_traffic(*object, "traffic"));
  HL_TRY_ASSIGN(const json::array* shares, get_array(*object, "shares"));
  for (const json::value& item : *shares) {
    HL_TRY_ASSIGN(Share share, share_from_json(item));
    route.shares.push_back(std::move(share));
  }
  return SharedRoute(std::move(route));
}

json::value to_json(const RouteTable& table) {
  json::array services;
  services.reserve(table.services.size());
  for (const SharedRoute& route : table.services) services.push_back(to_json(*route));
  return json::object{{"generation", table.generation},
                      {"services", std::move(services)},
                      {"token_digests", array_of(table.token_digests)}};
}

Result<RouteTable> route_table_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value, "a route table"));
  RouteTable table;
  HL_TRY_ASSIGN(const std::int64_t generation, get_int(*object, "generation"));
  if (generation < 1) return Error(Code::corrupt, "a generation must be at least 1");
  table.generation = static_cast<Generation>(generation);
  HL_TRY_ASSIGN(table.services,
                get_each<SharedRoute>(*object, "services", service_route_from_json));
  HL_TRY_ASSIGN(table.token_digests, get_strings(*object, "token_digests"));
  HL_TRY(check(table));
  return table;
}

}  // namespace hitless::model
