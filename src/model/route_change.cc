#include "model/route_change.h"

#include <fmt/format.h>

#include <utility>

#include "model/json_members.h"

namespace hitless::model {
namespace {

Result<Generation> generation_in(const json::object& object, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t number, get_int(object, name));
  if (number < 1) return Error(Code::corrupt, fmt::format("{} must be at least 1", name));
  return static_cast<Generation>(number);
}

}  // namespace

RouteChange change_between(const RouteTable& before, const RouteTable& after) {
  RouteChange change{.base = before.generation, .generation = after.generation};
  auto old = before.services.begin();
  const auto end = before.services.end();
  for (const SharedRoute& route : after.services) {
    // Nearly all are the same one, and not looked into.
    if (old == end || *old != route) {
      while (old != end && (*old)->service < route->service) {
        change.removed.push_back((*old++)->service);
      }
      if (old == end || *old != route) change.services.push_back(route);
      if (old == end || (*old)->service != route->service) continue;
    }
    ++old;
  }
  while (old != end) change.removed.push_back((*old++)->service);
  if (before.token_digests != after.token_digests) change.token_digests = after.token_digests;
  return change;
}

json::value to_json(const RouteChange& change) {
  json::array services, removed;
  for (const SharedRoute& route : change.services) services.push_back(to_json(*route));
  for (const ServiceId& service : change.removed) removed.emplace_back(service.text());
  json::object out{{"base", change.base},
                   {"generation", change.generation},
                   {"services", std::move(services)},
                   {"removed", std::move(removed)}};
  if (change.token_digests) out["token_digests"] = array_of(*change.token_digests);
  return out;
}

Result<RouteChange> route_change_from_json(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return Error(Code::corrupt, "a change of the table must be an object");
  RouteChange change;
  HL_TRY_ASSIGN(change.base, generation_in(*object, "base"));
  HL_TRY_ASSIGN(change.generation, generation_in(*object, "generation"));
  HL_TRY_ASSIGN(change.services,
                get_each<SharedRoute>(*object, "services", service_route_from_json));
  HL_TRY_ASSIGN(std::vector<std::string> removed, get_strings(*object, "removed"));
  for (std::string& service : removed) change.removed.emplace_back(std::move(service));
  if (!object->contains("token_digests")) return change;
  HL_TRY_ASSIGN(change.token_digests, get_strings(*object, "token_digests"));
  return change;
}

}  // namespace hitless::model
