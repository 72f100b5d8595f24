// Revisions: the configurations that a service has had.
#include <fmt/format.h>

#include <charconv>

#include "api/answers.h"
#include "api/find.h"
#include "api/handlers.h"

namespace hitless::api {
namespace {

json::object revision_to_json(const Call& call, const model::Service& service,
                              const control::RevisionStatus& status) {
  const model::Revision& revision = status.revision;
  json::array uses;
  for (const std::string& use : status.uses) uses.emplace_back(use);
  json::object out{{"revision", revision.number},
                   {"created_at", to_millis(revision.created_at)},
                   {"current", revision.number == service.revision},
                   {"in_use", !status.uses.empty()},
                   {"uses", std::move(uses)},
                   {"load_balancer_policy", model::to_wire(revision.config.balance)},
                   {"rollout_policy", model::to_json(revision.config.policy)},
                   {"traffic_policy", model::to_json(revision.config.traffic)},
                   {"config", entries_to_json(call.store, revision.config.entries, nullptr)}};
  if (!revision.who.empty()) out["who"] = revision.who;
  return out;
}

}  // namespace

Reply list_revisions(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const store::PageQuery page, call.page({}));
  HL_TRY_ASSIGN(const auto revisions, call.port.revisions(service.id));
  json::array rows;
  for (const auto& each : revisions) rows.push_back(revision_to_json(call, service, each));
  return ok(cut_page(std::move(rows), page, "revisions"));
}

Reply delete_revision(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  const std::string text = call.path_member("revision");
  model::RevisionNumber number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return Failure(Cause::object_unknown, fmt::format("Revision {} does not exist.", text));
  }
  const Result<void> done = call.port.delete_revision(service.id, number);
  if (!done) return Failure(done.error(), {{Code::conflict, Cause::not_in_this_state}});
  return ok(json::object());
}

}  // namespace hitless::api
