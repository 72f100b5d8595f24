// From what a user asks for to a plan.
#include "control/changes.h"
#include "control/engines.h"
#include "rollout/plan.h"

namespace hitless::control {
namespace {

using model::Change;
using model::ChangeClass;
using model::RolloutKind;
using model::ServiceStatus;

// Members of the service beside its configuration.
std::vector<Change> notes_of(const model::Service& service, const ServiceUpdate& update) {
  std::vector<Change> notes;
  if (update.description && *update.description != service.description) {
    notes.push_back({ChangeClass::note, "description", service.description, *update.description});
  }
  for (const auto& [name, value] : update.wire) {
    const json::value* before = service.wire.if_contains(name);
    if (before != nullptr && *before == value) continue;
    notes.push_back({ChangeClass::note, std::string(name),
                     before == nullptr ? "" : to_json_text(*before), to_json_text(value)});
  }
  return notes;
}

}  // namespace

// A failed one does not: it is deployed anew.
bool Changes::Standing::rests() const {
  return service.status == ServiceStatus::stopped || service.status == ServiceStatus::finished;
}

Result<model::Plan> Changes::plan(const model::ServiceId& id, const ServiceUpdate& update) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  HL_TRY_ASSIGN(const Draft draft, draft_update(standing, update));
  return remembered(standing, draft);
}

Result<model::Plan> Changes::plan_start(const model::ServiceId& id) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  HL_TRY_ASSIGN(const Draft draft, draft_start(standing));
  return remembered(standing, draft);
}

Result<model::Plan> Changes::plan_stop(const model::ServiceId& id) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  HL_TRY_ASSIGN(const Draft draft, draft_stop(standing));
  return remembered(standing, draft);
}

Result<model::Plan> Changes::remembered(const Standing& standing, const Draft& draft) {
  HL_TRY_ASSIGN(model::Plan plan, plan_draft(standing, draft));
  memory_.keep(plan);
  return plan;
}

Result<Changes::Draft> Changes::draft_update(const Standing& standing,
                                             const ServiceUpdate& update) {
  const model::ServiceId& id = standing.service.id;
  // One that waits is what the user sees as the configuration to change.
  const model::Service& service = standing.service;
  HL_TRY_ASSIGN(model::Revision to,
                store_.find_revision(id, service.queued != 0 ? service.queued : service.revision));
  Draft draft;
  draft.who = update.who;
  draft.notes = notes_of(standing.service, update);
  draft.keeps = standing.rests();
  draft.notes_only = !update.changes_config();
  if (!draft.notes_only) {
    draft.kind = standing.serving == 0 && !draft.keeps ? RolloutKind::deploy : RolloutKind::update;
    draft.is_new_revision = true;
    if (update.entries) to.config.entries = *update.entries;
    if (update.balance) to.config.balance = *update.balance;
    if (update.policy) to.config.policy = *update.policy;
    if (update.traffic) to.config.traffic = *update.traffic;
    HL_TRY(check_models(to.config));
    HL_TRY_ASSIGN(to.number, store_.next_revision(id));
    to.created_at = clock_.now();
    to.who = update.who;
  }
  draft.to = std::move(to);
  return draft;
}

Result<model::Plan> Changes::plan_draft(const Standing& standing, const Draft& draft) {
  const model::Service& service = standing.service;
  rollout::PlanInput input{.service = service.id,
                           .kind = draft.kind,
                           .from = std::nullopt,
                           .to = draft.to,
                           .policy = draft.policy,
                           .notes = draft.notes,
                           .keeps = draft.keeps};
  if (draft.notes_only) {
    input.from = draft.to;  // nothing is touched, wherever the service stands
    return rollout::plan_change(input);
  }
  if (standing.under_way) input.present = standing.present;
  const model::RevisionNumber from = draft.keeps ? service.revision : standing.serving;
  if (from != 0) {
    HL_TRY_ASSIGN(input.from, store_.find_revision(service.id, from));
  }
  return plan_in_pool(std::move(input));
}

Result<void> Changes::count_ports(model::ServiceConfig& config) {
  for (model::ConfigEntry& entry : config.entries) {
    HL_TRY_ASSIGN(const model::ModelVersion version, store_.find_model(entry.model));
    entry.resources.ports = ports_of(entry, version);
  }
  return {};
}

// What is on its way out of the pool is not counted on, unless nothing else helps: then the new
// instances wait for it.
Result<model::Plan> Changes::plan_in_pool(rollout::PlanInput input) {
  if (input.from) HL_TRY(count_ports(input.from->config));
  if (input.to) {
    HL_TRY(count_ports(input.to->config));
    for (const model::ConfigEntry& entry : input.to->config.entries) {
      HL_TRY_ASSIGN(const auto start, store_.start_time(entry.model));
      if (start) input.start_times[entry.model] = *start;
    }
  }
  const PoolStanding pool = loop_.pool_standing(input.service);
  input.capacity = pool.capacity;
  input.room = room_beside(pool, input.from);
  Result<model::Plan> plan = rollout::plan_change(input);
  if (plan || plan.error().code() != Code::exhausted) return plan;
  input.room = room_to_come(pool, input.from);
  Result<model::Plan> later = rollout::plan_change(input);
  return later ? std::move(later) : std::move(plan);
}

Result<void> Changes::check_hash(const Draft& draft, const model::Plan& plan) const {
  if (!draft.plan_hash || *draft.plan_hash == plan.hash) return {};
  return memory_.outdated(*draft.plan_hash, plan);
}

}  // namespace hitless::control
