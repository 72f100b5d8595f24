// The running copies of a service, and what they print.
#include <fmt/format.h>

#include <algorithm>

#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/limits.h"

namespace hitless::api {

Reply list_instances(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  HL_TRY_ASSIGN(const auto instances, call.port.instances(service.id));
  json::array rows;
  for (const control::InstanceStatus& each : instances) rows.push_back(to_json(each));
  return ok(cut_page(std::move(rows), page, "instances"));
}

Reply show_instance_log(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const auto bytes, call.query_int("bytes"));
  if (bytes && (*bytes < 1 || *bytes > k_log_bytes_max)) {
    return Failure(Cause::invalid_argument,
                   fmt::format("parameter [bytes] must be from 1 to {}", k_log_bytes_max));
  }
  const model::InstanceId id(call.path_member("instance_id"));
  HL_TRY_ASSIGN(const auto instances, call.port.instances(service.id));
  const bool known = std::any_of(instances.begin(), instances.end(),
                                 [&](const auto& each) { return each.instance.id == id; });
  if (!known) {
    return Failure(Cause::object_unknown, fmt::format("Instance {} does not exist.", id.text()));
  }
  HL_TRY_ASSIGN(
      std::string log,
      call.port.instance_log(id, static_cast<std::size_t>(bytes.value_or(k_log_bytes_default))));
  net::HttpResponse response;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(log);
  return response;
}

}  // namespace hitless::api
