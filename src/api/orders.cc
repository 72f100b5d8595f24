// What a user orders while a service changes: pause, resume, abort, skip, and back.
#include <fmt/format.h>

#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "api/limits.h"
#include "store/limits.h"

namespace hitless::api {
namespace {

// The body may be left out.
Checked<json::object> optional_body(const Call& call) {
  if (call.request.body.empty()) return json::object();
  return call.body();
}

Checked<std::string> read_reason(const Call& call) {
  HL_TRY_ASSIGN(const json::object body, optional_body(call));
  HL_TRY_ASSIGN(const std::optional<std::string> reason, find_string(body, "reason"));
  if (reason && reason->size() > k_reason_bytes_max) {
    return Failure(Cause::invalid_argument,
                   fmt::format("field [reason] must be at most {} bytes", k_reason_bytes_max));
  }
  return reason.value_or("");
}

// A service that rests takes a change for its next start.
bool is_kept(const model::Service& service) {
  return service.rollout.empty() && (service.status == model::ServiceStatus::stopped ||
                                     service.status == model::ServiceStatus::finished);
}

Reply give(const Call& call, control::Order order) {
  HL_TRY_ASSIGN(const auto rollout, find_rollout(call));
  HL_TRY_ASSIGN(std::string reason, read_reason(call));
  const Result<void> done = call.port.steer_rollout({.service = rollout.service,
                                                     .rollout = rollout.id,
                                                     .order = order,
                                                     .who = call.who,
                                                     .reason = std::move(reason)});
  if (!done) return Failure(done.error(), {{Code::conflict, Cause::not_in_this_state}});
  HL_TRY_ASSIGN(const auto after, find_rollout(call));
  return ok(rollout_to_json(after));
}

}  // namespace

Reply pause_rollout(const Call& call) {
  return give(call, control::Order::pause);
}

Reply resume_rollout(const Call& call) {
  return give(call, control::Order::resume);
}

Reply abort_rollout(const Call& call) {
  return give(call, control::Order::abort);
}

Reply skip_bake(const Call& call) {
  return give(call, control::Order::skip);
}

Reply rollback_service(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const json::object body, optional_body(call));
  HL_TRY_ASSIGN(const std::optional<std::int64_t> to, find_int(body, "revision"));
  const Result<void> done =
      call.port.rollback_service({.service = service.id, .to = to, .who = call.who});
  if (!done) return Failure(done.error(), {{Code::conflict, Cause::not_in_this_state}});
  HL_TRY_ASSIGN(const model::Service after, call.store.find_service(service.id));
  if (is_kept(after)) return ok(json::object{{"kept_revision", after.revision}});
  // The newest one, new or turned round: it may have ended by now.
  HL_TRY_ASSIGN(const auto newest, call.store.newest_rollout(service.id));
  return ok(json::object{{"rollout_id", newest ? newest->id.text() : std::string()}});
}

// Lines of JSON, as rollout/journal.h describes them.
Reply show_journal(const Call& call) {
  HL_TRY_ASSIGN(const auto rollout, find_rollout(call));
  HL_TRY_ASSIGN(const auto rows, call.store.list_journal(rollout.id));
  if (rows.empty() && is_terminal(rollout.phase)) {
    return Failure(Cause::object_unknown,
                   fmt::format("Rollout {} has no journal, or none any more: only those of a "
                               "service's newest {} rollouts and of the newest that went wrong "
                               "are kept.",
                               rollout.id.text(), store::k_journals_kept));
  }
  net::HttpResponse response;
  response.headers.add("Content-Type", "application/x-ndjson");
  response.body = to_json_text(json::object{{"rollout", rollout.id.text()},
                                            {"plan", model::to_json(rollout.plan)}}) +
                  "\n";
  for (const store::JournalRow& row : rows) {
    response.body += fmt::format("{{\"view\":{},\"decision\":{}}}\n", row.view, row.decision);
  }
  return response;
}

}  // namespace hitless::api
