// Rollback on demand: back to what served before, or to any revision there is.
#include <fmt/format.h>

#include "control/changes.h"
#include "control/way_back.h"

namespace hitless::control {
namespace {

using model::RevisionNumber;
using model::RolloutKind;
using model::ServiceStatus;

Error unfit(std::string text) {
  return Error(Code::invalid, "field [revision] " + std::move(text));
}

// No steps and no judgement: the user has judged, and what he leaves may well be the faster one.
model::RolloutPolicy without_steps(model::RolloutPolicy policy) {
  policy.strategy.reset();
  policy.steps.clear();
  policy.bake = Duration::zero();
  policy.judgement.enabled = false;
  return policy;
}

}  // namespace

Result<void> Changes::rollback(const Rollback& asked) {
  HL_TRY_ASSIGN(const Standing standing, read(asked.service));
  const ServiceStatus status = standing.service.status;
  if (status == ServiceStatus::stopping || status == ServiceStatus::deleting) {
    return Error(Code::conflict, fmt::format("service {} is {}: a rollback is not possible in this "
                                             "state",
                                             standing.service.name, to_text(status)));
  }
  HL_TRY_ASSIGN(const model::Revision target, rollback_target(standing, asked));
  if (standing.under_way && standing.under_way->plan.from == target.number) {
    return loop_.steer({.service = asked.service,
                        .rollout = standing.under_way->id,
                        .order = Order::abort,
                        .who = asked.who,
                        .reason = fmt::format("back to revision {}", target.number)});
  }
  HL_TRY(check_target(standing, target));
  const bool deploys = standing.serving == 0 && !standing.rests();
  Draft draft{.kind = deploys ? RolloutKind::deploy : RolloutKind::update,
              .to = target,
              .is_new_revision = true,
              .keeps = standing.rests(),
              .who = asked.who,
              .back_to = target.number,
              .policy = without_steps(target.config.policy)};
  HL_TRY_ASSIGN(draft.to->number, store_.next_revision(asked.service));
  draft.to->created_at = clock_.now();
  draft.to->who = asked.who;
  model::Service after = standing.service;
  after.operation_time = after.update_time = clock_.now();
  if (draft.keeps) return keep_without_rollout(standing, draft, std::move(after));
  return accept(standing, draft, std::move(after));
}

Result<model::Revision> Changes::rollback_target(const Standing& standing, const Rollback& asked) {
  const model::ServiceId& id = standing.service.id;
  if (asked.to) {
    Result<model::Revision> target = store_.find_revision(id, *asked.to);
    if (target || target.error().code() != Code::not_found) return target;
    return unfit(fmt::format("names revision {}, which was deleted or never was", *asked.to));
  }
  RevisionNumber number = 0;
  WayBack back;
  HL_TRY_ASSIGN(back.revisions, store_.list_revisions(id));
  if (standing.under_way) {
    number = standing.under_way->plan.from;
  } else {
    HL_TRY_ASSIGN(back.served, store_.list_served(id));
    back.present = standing.service.revision;
    number = way_back(back, [this](const model::Revision& each) {
      return check_models(each.config).has_value();
    });
  }
  if (number != 0) return store_.find_revision(id, number);
  return unfit(
      fmt::format("must be given: nothing served before that is still there and "
                  "configured otherwise; there {} {}",
                  back.revisions.size() == 1 ? "is" : "are", revisions_text(back.revisions)));
}

// What it would lead away from: what serves, what is kept for the next start, or what failed.
Result<void> Changes::check_differs(const Standing& standing, const model::Revision& target) {
  const model::Service& service = standing.service;
  const RevisionNumber number = standing.serving != 0 ? standing.serving
                                : standing.under_way  ? 0
                                                      : service.revision;
  if (number == 0) return {};
  HL_TRY_ASSIGN(const model::Revision present, store_.find_revision(service.id, number));
  if (!(present.config == target.config)) return {};
  const char* what = standing.serving != 0 ? "serves"
                     : standing.rests()    ? "is kept for the next start"
                                           : "failed";
  const bool failed = standing.serving == 0 && !standing.rests();
  return unfit(fmt::format("names revision {}, which is configured as what {}: revision {}{}",
                           target.number, what, number,
                           failed ? "; to try it again, start the service" : ""));
}

Result<void> Changes::check_target(const Standing& standing, const model::Revision& target) {
  HL_TRY(check_differs(standing, target));
  if (standing.under_way && standing.under_way->plan.to == target.number) {
    return unfit(fmt::format("names revision {}, to which rollout {} is on its way", target.number,
                             standing.under_way->id.text()));
  }
  const Result<void> models = check_models(target.config);
  if (models || models.error().code() != Code::not_found) return models;
  return unfit(fmt::format("names revision {}, which cannot run any more: {}", target.number,
                           models.error().text()));
}

}  // namespace hitless::control
