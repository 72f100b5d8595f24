// What users ask of rollouts and revisions while the loop runs.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "control/limits.h"
#include "control/loop.h"
#include "control/orders.h"
#include "control/way_back.h"

namespace hitless::control {
namespace {

std::string joined(const std::vector<std::string>& clauses) {
  return fmt::format("{}", fmt::join(clauses, "; "));
}

bool can_run(store::Store& store, const model::Revision& revision) {
  const auto& entries = revision.config.entries;
  return std::all_of(entries.begin(), entries.end(), [&](const model::ConfigEntry& entry) {
    const auto version = store.find_model(entry.model);
    return version && version->status == model::ModelStatus::published;
  });
}

// A service's revisions with their uses, as the store has them.
Result<std::vector<RevisionStatus>> read_revisions(store::Store& store,
                                                   const model::ServiceId& id) {
  HL_TRY_ASSIGN(const model::Service service, store.find_service(id));
  HL_TRY_ASSIGN(auto revisions, store.list_revisions(id));
  HL_TRY_ASSIGN(const auto instances, store.list_instances(id));
  std::optional<model::Rollout> under_way;
  if (!service.rollout.empty()) {
    HL_TRY_ASSIGN(under_way, store.find_rollout(service.rollout));
  }
  HL_TRY_ASSIGN(auto served, store.list_served(id));
  const WayBack back{
      .served = std::move(served), .revisions = revisions, .present = service.revision};
  const RevisionStanding standing{
      .service = service,
      .under_way = under_way,
      .instances = instances,
      .newest = revisions.empty() ? 0 : revisions.back().number,
      .back = under_way ? 0 : way_back(back, [&](const model::Revision& each) {
        return can_run(store, each);
      })};
  std::vector<RevisionStatus> out;
  for (model::Revision& revision : revisions) {
    std::vector<std::string> uses = uses_of(revision.number, standing);
    out.push_back({.revision = std::move(revision), .uses = std::move(uses)});
  }
  return out;
}

}  // namespace

Result<void> Loop::steer(const RolloutOrder& asked) {
  const MutexLock order(order_);
  HL_TRY_ASSIGN(model::Rollout rollout, parts_.store.find_rollout(asked.rollout));
  if (rollout.service != asked.service) {
    return Error(Code::not_found, fmt::format("service {} has no rollout {}", asked.service.text(),
                                              asked.rollout.text()));
  }
  HL_TRY_ASSIGN(model::Event event, obey(rollout, asked, parts_.clock.now()));
  log_info("rollout_order", {{"rollout", rollout.id.text()}, {"order", event.text}});
  store::DecisionRecord rows;
  rows.rollout = std::move(rollout);
  rows.events.push_back(std::move(event));
  HL_TRY(parts_.store.record(rows));
  reload(asked.service);
  return {};
}

Result<std::vector<RevisionStatus>> Loop::revisions(const model::ServiceId& service) {
  const MutexLock order(order_);
  return read_revisions(parts_.store, service);
}

Result<void> Loop::remove_revision(const model::ServiceId& service, model::RevisionNumber number) {
  const MutexLock order(order_);
  HL_TRY_ASSIGN(const auto all, read_revisions(parts_.store, service));
  const auto found = std::find_if(all.begin(), all.end(), [&](const RevisionStatus& each) {
    return each.revision.number == number;
  });
  if (found != all.end() && !found->uses.empty()) {
    return Error(Code::conflict, fmt::format("revision {} stays: {}", number, joined(found->uses)));
  }
  return parts_.store.remove_revision(service, number);
}

void Loop::begin_queued(ServiceState& state, Time now) {
  if (state.service.queued == 0 || state.is_rolling_out() || is_stale(state.service.id)) return;
  if (!begin_queued_) return;
  if (auto begun = begin_queued_(state.service.id); !begun) {
    log_warn("queued_change_not_begun",
             {{"service", state.service.id.text()}, {"cause", begun.error().text()}});
    state.look_by(now + k_store_retry);
  }
}

}  // namespace hitless::control
