// Rollouts: hitless' own view of how a service changes.
#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"

namespace hitless::api {

Reply list_rollouts(const Call& call) {
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  const model::ServiceId id(call.path_member("service_id"));
  HL_TRY_ASSIGN(const auto found, call.store.page_rollouts(id, page));
  // Those of a service that was deleted are there still.
  if (found.total == 0) {
    HL_TRY_ASSIGN([[maybe_unused]] const model::Service service, find_service(call));
  }
  json::array rows;
  for (const model::Rollout& rollout : found.rows) rows.push_back(rollout_to_json(rollout));
  return ok(json::object{
      {"total_count", found.total}, {"count", rows.size()}, {"rollouts", std::move(rows)}});
}

Reply show_rollout(const Call& call) {
  HL_TRY_ASSIGN(const auto rollout, find_rollout(call));
  // A removed service has none any more; its rollout is still told.
  const auto instances = call.port.instances(rollout.service);
  return ok(rollout_to_whole_json(call.store, rollout, instances ? *instances : Instances()));
}

}  // namespace hitless::api
