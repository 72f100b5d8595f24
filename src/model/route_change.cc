#include "model/route_change.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "model/json_members.h"

namespace hitless::model {
namespace {

// `before` with `changed` in their places; all are ordered by service id.
Result<std::vector<ServiceRoute>> merge(const std::vector<ServiceRoute>& before,
                                        std::vector<ServiceRoute> changed,
                                        const std::vector<ServiceId>& removed) {
  std::vector<ServiceRoute> merged;
  merged.reserve(before.size() + changed.size());
  auto next = changed.begin();
  auto gone = removed.begin();
  for (const ServiceRoute& route : before) {
    while (next != changed.end() && next->service < route.service) {
      merged.push_back(std::move(*next++));
    }
    if (next != changed.end() && next->service == route.service) {
      merged.push_back(std::move(*next++));
    } else if (gone != removed.end() && *gone == route.service) {
      ++gone;
    } else {
      merged.push_back(route);
    }
  }
  std::move(next, changed.end(), std::back_inserter(merged));
  if (gone == removed.end()) return merged;
  return Error(Code::corrupt, fmt::format("{} is removed and is not there", gone->text()));
}

Result<Generation> generation_in(const json::object& object, std::string_view name) {
  HL_TRY_ASSIGN(const std::int64_t number, get_int(object, name));
  if (number < 1) return Error(Code::corrupt, fmt::format("{} must be at least 1", name));
  return static_cast<Generation>(number);
}

}  // namespace

RouteChange change_between(const RouteTable& before, const RouteTable& after) {
  RouteChange change{.base = before.generation, .generation = after.generation};
  walk(
      before.services, after.services,
      [&](const ServiceRoute& gone) { change.removed.push_back(gone.service); },
      [&](const ServiceRoute& route, const ServiceRoute* old) {
        if (old == nullptr || *old != route) change.services.push_back(route);
      });
  if (before.token_digests != after.token_digests) change.token_digests = after.token_digests;
  return change;
}

Result<RouteTable> apply(const RouteTable& before, RouteChange change) {
  if (change.base != before.generation) {
    return Error(Code::conflict, fmt::format("a change of table {}, and this is {}", change.base,
                                             before.generation));
  }
  RouteTable after{.generation = change.generation,
                   .token_digests = change.token_digests ? *std::move(change.token_digests)
                                                         : before.token_digests};
  HL_TRY_ASSIGN(after.services, merge(before.services, std::move(change.services), change.removed));
  HL_TRY(check(after));
  return after;
}

json::value to_json(const RouteChange& change) {
  json::array services, removed;
  for (const ServiceRoute& route : change.services) services.push_back(to_json(route));
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
                get_each<ServiceRoute>(*object, "services", service_route_from_json));
  HL_TRY_ASSIGN(std::vector<std::string> removed, get_strings(*object, "removed"));
  for (std::string& service : removed) change.removed.emplace_back(std::move(service));
  if (!object->contains("token_digests")) return change;
  HL_TRY_ASSIGN(change.token_digests, get_strings(*object, "token_digests"));
  return change;
}

}  // namespace hitless::model
