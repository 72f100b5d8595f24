// A change during a change: what the service's policy makes of it.
#include <fmt/format.h>

#include "control/changes.h"
#include "control/service_events.h"
#include "rollout/plan.h"

namespace hitless::control {
namespace {

// What may be gone at the next try; anything else will be refused again.
bool may_pass(const Error& error) {
  switch (error.code()) {
    case Code::conflict:   // the service changed meanwhile
    case Code::exhausted:  // a full disk
    case Code::timeout: return true;
    default: return false;
  }
}

}  // namespace

// Of what serves, because that stands; of a first deployment its own.
Result<model::Overlap> Changes::overlap_of(const Standing& standing) {
  const model::Service& service = standing.service;
  const model::RevisionNumber stands = standing.serving != 0 ? standing.serving : service.revision;
  HL_TRY_ASSIGN(const model::Revision revision, store_.find_revision(service.id, stands));
  return revision.config.policy.overlap;
}

Result<std::optional<UnderWay>> Changes::under_way(const model::ServiceId& id) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  if (!standing.under_way) return std::optional<UnderWay>();
  HL_TRY_ASSIGN(const model::Overlap overlap, overlap_of(standing));
  return std::optional(UnderWay{
      .rollout = standing.under_way->id, .phase = standing.under_way->phase, .overlap = overlap});
}

// The plan is made when its turn comes; what could not even be planned now is refused now.
Result<void> Changes::enqueue(const Standing& standing, const Draft& draft, model::Service after) {
  const Result<model::Plan> plan = plan_draft(standing, draft);
  if (!plan && plan.error().code() == Code::invalid) return plan.error();
  const model::RevisionNumber replaced = standing.service.queued;
  after.queued = draft.to->number;
  store::Store::AcceptedChange change{
      .expected = standing.service, .service = after, .revision = draft.to};
  change.events.push_back(queued_event(after, after.queued, replaced, clock_.now()));
  return loop_.accept(change);
}

Result<void> Changes::begin_queued(const model::ServiceId& id) {
  HL_TRY_ASSIGN(const Standing standing, read(id));
  const model::RevisionNumber waiting = standing.service.queued;
  if (standing.under_way || waiting == 0) return {};
  const auto begin = [&]() -> Result<void> {
    HL_TRY_ASSIGN(model::Revision to, store_.find_revision(id, waiting));
    HL_TRY(check_models(to.config));
    model::Service after = standing.service;
    after.update_time = clock_.now();
    const bool serves = standing.serving != 0;
    std::string who = to.who;
    return accept(standing,
                  {.kind = serves ? model::RolloutKind::update : model::RolloutKind::deploy,
                   .to = std::move(to),
                   .who = std::move(who)},
                  std::move(after));
  };
  const Result<void> begun = begin();
  if (begun || may_pass(begun.error())) return begun;
  model::Service after = standing.service;
  after.queued = 0;
  store::Store::AcceptedChange change{.expected = standing.service, .service = after};
  change.events.push_back(dropped_event(after, waiting, begun.error().text(), clock_.now()));
  return loop_.accept(change);
}

}  // namespace hitless::control
