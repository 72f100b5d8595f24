#include "api/find.h"

#include <fmt/format.h>

namespace hitless::api {

Failure unknown_service(const std::string& id) {
  return Failure(Cause::service_unknown, fmt::format("Service {} does not exist.", id));
}

Checked<model::Service> find_service(const Call& call) {
  const std::string id = call.path_member("service_id");
  Result<model::Service> service = call.store.find_service(model::ServiceId(id));
  if (service) return std::move(*service);
  if (service.error().code() == Code::not_found) return unknown_service(id);
  return service.error();
}

Checked<model::Rollout> find_rollout(const Call& call) {
  const std::string id = call.path_member("rollout_id");
  Result<model::Rollout> rollout = call.store.find_rollout(model::RolloutId(id));
  if (!rollout && rollout.error().code() != Code::not_found) return rollout.error();
  const auto service = call.path.find("service_id");
  const bool fits =
      rollout && (service == call.path.end() || service->second == rollout->service.text());
  if (fits) return std::move(*rollout);
  return Failure(Cause::object_unknown, fmt::format("Rollout {} does not exist.", id));
}

}  // namespace hitless::api
