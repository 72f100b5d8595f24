// What happened to a service: its events, and the history of its configuration updates.
#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"

namespace hitless::api {
namespace {

Checked<std::optional<Time>> query_time(const Call& call, std::string_view name) {
  HL_TRY_ASSIGN(const auto millis, call.query_int(name));
  if (!millis) return std::optional<Time>();
  return std::optional(from_millis(*millis));
}

// The contract knows three results; a superseded update did not come to stay.
std::string_view result_of(const model::Rollout& rollout) {
  if (!is_terminal(rollout.phase)) return "RUNNING";
  return rollout.phase == model::Phase::succeeded ? "SUCCESS" : "FAIL";
}

json::object log_of(const Call& call, const model::Service& service,
                    const model::Rollout& rollout) {
  json::object out{{"update_time", to_millis(rollout.created_at)}, {"result", result_of(rollout)}};
  const auto revision = call.store.find_revision(service.id, rollout.plan.to);
  if (revision) {
    out["config"] = entries_to_json(call.store, revision->config.entries, nullptr);
  }
  out["hitless"] = rollout_to_json(rollout);
  return out;
}

}  // namespace

Reply list_service_events(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  store::EventQuery query;
  HL_TRY_ASSIGN(query.page, call.page({"occur_time"}));
  HL_TRY_ASSIGN(query.from, query_time(call, "start_time"));
  HL_TRY_ASSIGN(query.to, query_time(call, "end_time"));
  query.subject = service.id.text();
  query.type = call.query_member("event_type");
  query.text = call.query_member("event_info");
  if (!query.type.empty() && query.type != "normal" && query.type != "abnormal") {
    return Failure(Cause::invalid_argument, "parameter [event_type] must be normal or abnormal");
  }
  HL_TRY_ASSIGN(const auto page, call.store.list_events(query));
  json::array rows;
  for (const model::Event& event : page.rows) {
    rows.push_back(
        json::object{{"event_type", event.type == model::EventType::normal ? "normal" : "abnormal"},
                     {"event_info", event.text},
                     {"event_key", event.key},
                     {"occur_time", to_millis(event.at)}});
  }
  return ok(json::object{{"service_id", service.id.text()},
                         {"service_name", service.name},
                         {"total_count", page.total},
                         {"count", rows.size()},
                         {"events", std::move(rows)}});
}

Reply list_update_logs(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const auto update_time, call.query_int("update_time"));
  HL_TRY_ASSIGN(const auto rollouts, call.store.list_rollouts(service.id));
  json::array logs;
  for (const model::Rollout& rollout : rollouts) {
    if (rollout.plan.kind != model::RolloutKind::update) continue;
    if (update_time && *update_time != to_millis(rollout.created_at)) continue;
    logs.push_back(log_of(call, service, rollout));
  }
  return ok(json::object{{"service_id", service.id.text()},
                         {"service_name", service.name},
                         {"logs", std::move(logs)}});
}

}  // namespace hitless::api
