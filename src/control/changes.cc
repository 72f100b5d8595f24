#include "control/changes.h"

#include <fmt/format.h>

#include "base/crypto.h"
#include "control/service_events.h"
#include "rollout/plan.h"

namespace hitless::control {
namespace {

using model::RolloutKind;
using model::ServiceStatus;

Error forbidden_now(const model::Service& service, std::string_view what) {
  return Error(Code::conflict, fmt::format("service {} is {}: {} is not possible in this state",
                                           service.name, to_text(service.status), what));
}

Error under_way_already(const model::Service& service, const model::Rollout& rollout,
                        std::string_view why) {
  return Error(
      Code::conflict,
      fmt::format("rollout {} is under way ({}), and {}: wait for its end, or take it back "
                  "with `hitless rollout abort {}`",
                  rollout.id.text(), to_text(rollout.phase), why, service.name));
}

bool is_leaving(ServiceStatus status) {
  return status == ServiceStatus::stopping || status == ServiceStatus::deleting;
}

bool may_start(ServiceStatus status) {
  return status == ServiceStatus::stopped || status == ServiceStatus::failed ||
         status == ServiceStatus::finished;
}

bool may_stop(ServiceStatus status) {
  return !is_leaving(status) && status != ServiceStatus::stopped &&
         status != ServiceStatus::finished;
}

model::Rollout new_rollout(model::Plan plan, std::string who, Time now) {
  model::Rollout rollout;
  rollout.who = std::move(who);
  rollout.id = model::RolloutId(random_uuid());
  rollout.service = plan.service;
  rollout.plan = std::move(plan);
  rollout.why = "planned";
  rollout.created_at = rollout.phase_at = rollout.progress_at = now;
  rollout.report.phases.push_back({.phase = model::Phase::planned, .begin = now});
  return rollout;
}

// The service from the moment a rollout of this kind is accepted.
void enter(model::Service& service, const model::Rollout& rollout, Time now) {
  switch (rollout.plan.kind) {
    case RolloutKind::deploy:
    case RolloutKind::update: service.status = ServiceStatus::deploying; break;
    case RolloutKind::stop: service.status = ServiceStatus::stopping; break;
    case RolloutKind::remove: service.status = ServiceStatus::deleting; break;
  }
  if (rollout.plan.to != 0) service.revision = rollout.plan.to;
  service.rollout = rollout.id;
  service.queued = 0;
  service.progress = 0;
  service.error.clear();
  service.operation_time = service.transition_at = now;
}

}  // namespace

Result<model::ServiceId> Changes::create(NewService asked) {
  HL_TRY(check_models(asked.config));
  const Time now = clock_.now();
  model::Service service;
  service.id = model::ServiceId(random_uuid());
  service.name = std::move(asked.name);
  service.description = std::move(asked.description);
  service.infer_type = std::move(asked.infer_type);
  service.wire = std::move(asked.wire);
  service.created_at = service.publish_at = service.update_time = now;

  const model::Revision revision{.service = service.id,
                                 .number = 1,
                                 .config = std::move(asked.config),
                                 .created_at = now,
                                 .who = asked.who};
  HL_TRY_ASSIGN(model::Plan plan, plan_in_pool({.service = service.id,
                                                .kind = RolloutKind::deploy,
                                                .from = std::nullopt,
                                                .to = revision}));
  const model::Rollout rollout = new_rollout(std::move(plan), asked.who, now);
  enter(service, rollout, now);
  HL_TRY(
      store_.add_service(service, revision, rollout, {accepted_event(service, rollout.plan, now)}));
  loop_.reload(service.id);
  return service.id;
}

Result<void> Changes::update(const model::ServiceId& id, const ServiceUpdate& update,
                             const std::optional<std::string>& plan_hash) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  if (standing.service.status == ServiceStatus::deleting) {
    return forbidden_now(standing.service, "a change");
  }
  HL_TRY_ASSIGN(Draft draft, draft_update(standing, update));
  draft.plan_hash = plan_hash;
  model::Service after = standing.service;
  if (update.description) after.description = *update.description;
  for (const auto& [name, value] : update.wire) after.wire[name] = value;
  after.operation_time = clock_.now();
  if (draft.notes_only) return keep_without_rollout(standing, draft, std::move(after));
  if (is_leaving(standing.service.status)) return forbidden_now(standing.service, "a change");
  if (standing.under_way) {
    HL_TRY_ASSIGN(const model::Overlap overlap, overlap_of(standing));
    if (overlap == model::Overlap::refuse) {
      return under_way_already(standing.service, *standing.under_way,
                               "rollout_policy.overlap refuses another change meanwhile");
    }
    if (overlap == model::Overlap::queue && plan_hash) {
      return under_way_already(standing.service, *standing.under_way,
                               "a plan cannot wait, because it is made anew when its turn comes");
    }
    if (overlap == model::Overlap::queue) return enqueue(standing, draft, std::move(after));
  }
  after.update_time = after.operation_time;
  if (draft.keeps) return keep_without_rollout(standing, draft, std::move(after));
  return accept(standing, draft, std::move(after));
}

Result<void> Changes::start(const model::ServiceId& id, const std::string& who,
                            const std::optional<std::string>& plan_hash) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  HL_TRY_ASSIGN(Draft draft, draft_start(standing));
  draft.who = who;
  draft.plan_hash = plan_hash;
  return accept(standing, draft, standing.service);
}

Result<void> Changes::stop(const model::ServiceId& id, const std::string& who,
                           const std::optional<std::string>& plan_hash) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  HL_TRY_ASSIGN(Draft draft, draft_stop(standing));
  draft.who = who;
  draft.plan_hash = plan_hash;
  return accept(standing, draft, standing.service);
}

Result<Changes::Draft> Changes::draft_start(const Standing& standing) {
  if (!may_start(standing.service.status)) return forbidden_now(standing.service, "start");
  Draft draft{.kind = RolloutKind::deploy};
  HL_TRY_ASSIGN(draft.to, store_.find_revision(standing.service.id, standing.service.revision));
  HL_TRY(check_models(draft.to->config));
  return draft;
}

Result<Changes::Draft> Changes::draft_stop(const Standing& standing) {
  if (!may_stop(standing.service.status)) return forbidden_now(standing.service, "stop");
  return Draft{.kind = RolloutKind::stop, .to = std::nullopt};
}

Result<void> Changes::remove(const model::ServiceId& id, const std::string& who) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  if (standing.service.status == ServiceStatus::deleting) {
    return forbidden_now(standing.service, "delete");
  }
  return accept(standing, {.kind = RolloutKind::remove, .who = who}, standing.service);
}

Result<Changes::Standing> Changes::read(const model::ServiceId& id) {
  Standing standing;
  HL_TRY_ASSIGN(standing.service, store_.find_service(id));
  if (!standing.service.rollout.empty()) {
    HL_TRY_ASSIGN(standing.under_way, store_.find_rollout(standing.service.rollout));
    HL_TRY_ASSIGN(const auto instances, store_.list_instances(id));
    standing.serving =
        rollout::base_of(standing.under_way->plan, standing.under_way->phase, instances);
    for (const model::Instance& each : instances) {
      if (each.stage != model::Stage::starting && each.stage != model::Stage::ready) continue;
      standing.present.push_back({.group = each.group, .revision = each.revision, .count = 1});
    }
    return standing;
  }
  const ServiceStatus status = standing.service.status;
  const bool serves = status == ServiceStatus::running || status == ServiceStatus::concerning;
  standing.serving = serves ? standing.service.revision : 0;
  return standing;
}

Result<void> Changes::accept(const Standing& standing, const Draft& draft, model::Service after) {
  const Time now = clock_.now();
  HL_TRY_ASSIGN(model::Plan plan, plan_draft(standing, draft));
  HL_TRY(check_hash(draft, plan));
  model::Rollout rollout = new_rollout(std::move(plan), draft.who, now);
  enter(after, rollout, now);
  store::Store::AcceptedChange change{.expected = standing.service, .service = after};
  change.events.push_back(accepted_event(after, rollout.plan, now));
  if (draft.back_to != 0) {
    change.events.back().text += fmt::format(": back to revision {}", draft.back_to);
  }
  const model::RevisionNumber waiting = standing.service.queued;
  if (waiting != 0 && rollout.plan.to != waiting) {
    change.events.push_back(dropped_event(after, waiting, "another change took its place", now));
  }
  if (draft.kind == RolloutKind::stop && standing.under_way && standing.serving != 0) {
    // What comes to serve with the next start has served before.
    change.service.revision = standing.serving;
    const model::RevisionNumber unproven = standing.under_way->plan.to;
    if (unproven != standing.serving) {
      change.events.push_back(
          dropped_event(after, unproven, "the service is stopped before it served", now));
    }
  }
  if (draft.is_new_revision) change.revision = draft.to;
  change.superseded = standing.under_way;
  change.rollout = std::move(rollout);
  return loop_.accept(change);
}

// What touches no instance: notes, and what a stopped service takes for its next start.
Result<void> Changes::keep_without_rollout(const Standing& standing, const Draft& draft,
                                           model::Service after) {
  HL_TRY_ASSIGN(const model::Plan plan, plan_draft(standing, draft));
  HL_TRY(check_hash(draft, plan));
  store::Store::AcceptedChange change{.expected = standing.service, .service = std::move(after)};
  if (draft.is_new_revision) {
    change.service.revision = draft.to->number;
    change.revision = draft.to;
  }
  return loop_.accept(change);
}

Result<void> Changes::check_models(const model::ServiceConfig& config) {
  for (const model::ConfigEntry& entry : config.entries) {
    HL_TRY_ASSIGN(const model::ModelVersion version, store_.find_model(entry.model));
    if (version.status == model::ModelStatus::published) continue;
    const std::string why = version.error.empty() ? "" : ": " + version.error;
    return Error(Code::unavailable, fmt::format("model {} {} is {}, not published{}", version.name,
                                                version.version, to_text(version.status), why));
  }
  return {};
}

}  // namespace hitless::control
