// Rollouts: hitless' own view of how a service changes.
#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"

namespace hitless::api {

Reply list_rollouts(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  HL_TRY_ASSIGN(const auto rollouts, call.store.list_rollouts(service.id));
  json::array rows;
  for (const model::Rollout& rollout : rollouts) rows.push_back(rollout_to_json(rollout));
  return ok(cut_page(std::move(rows), page, "rollouts"));
}

Reply show_rollout(const Call& call) {
  HL_TRY_ASSIGN(const auto rollout, find_rollout(call));
  json::object out = rollout_to_detailed_json(rollout);
  // A removed service has none any more; its rollout is still told.
  json::array instances;
  if (const auto all = call.port.instances(rollout.service)) {
    for (const control::InstanceStatus& each : *all) {
      const bool lives = each.instance.stage != model::Stage::gone;
      if (lives || each.instance.rollout == rollout.id) instances.push_back(to_json(each));
    }
  }
  out["instances"] = std::move(instances);
  return ok(std::move(out));
}

}  // namespace hitless::api
