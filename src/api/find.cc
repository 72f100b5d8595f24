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

}  // namespace hitless::api
