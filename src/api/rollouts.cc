// Rollouts and revisions: hitless' own view of how a service changes.
#include <fmt/format.h>

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
  const std::string id = call.path_member("rollout_id");
  const Result<model::Rollout> rollout = call.store.find_rollout(model::RolloutId(id));
  if (!rollout && rollout.error().code() != Code::not_found) return rollout.error();
  const auto service = call.path.find("service_id");
  const bool fits =
      rollout && (service == call.path.end() || service->second == rollout->service.text());
  if (!fits) {
    return Failure(Cause::object_unknown, fmt::format("Rollout {} does not exist.", id));
  }
  json::object out = rollout_to_detailed_json(*rollout);
  // A removed service has none any more; its rollout is still told.
  json::array instances;
  if (const auto all = call.port.instances(rollout->service)) {
    for (const control::InstanceStatus& each : *all) {
      const bool lives = each.instance.stage != model::Stage::gone;
      if (lives || each.instance.rollout == rollout->id) instances.push_back(to_json(each));
    }
  }
  out["instances"] = std::move(instances);
  return ok(std::move(out));
}

Reply list_revisions(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  HL_TRY_ASSIGN(const auto revisions, call.store.list_revisions(service.id));
  json::array rows;
  for (const model::Revision& revision : revisions) {
    rows.push_back(
        json::object{{"revision", revision.number},
                     {"created_at", to_millis(revision.created_at)},
                     {"current", revision.number == service.revision},
                     {"load_balancer_policy", model::to_wire(revision.config.balance)},
                     {"config", entries_to_json(call.store, revision.config.entries, nullptr)}});
  }
  return ok(cut_page(std::move(rows), page, "revisions"));
}

}  // namespace hitless::api
