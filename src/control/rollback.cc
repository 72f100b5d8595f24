// Rollback on demand: back to what served before, or to any revision there is.
#include <fmt/format.h>

#include <algorithm>

#include "control/changes.h"

namespace hitless::control {
namespace {

using model::Phase;
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

bool brought_to_serve(const model::Rollout& rollout) {
  return rollout.phase == Phase::succeeded && rollout.plan.to != 0;
}

// Of rollouts, newest first: what served before `present`; 0: nothing did.
RevisionNumber served_before(const std::vector<model::Rollout>& rollouts, RevisionNumber present) {
  bool was_present = present == 0;
  for (const model::Rollout& rollout : rollouts) {
    if (!brought_to_serve(rollout)) continue;
    if (was_present && rollout.plan.to != present) return rollout.plan.to;
    was_present = was_present || rollout.plan.to == present;
  }
  return 0;
}

}  // namespace

Result<void> Changes::rollback(const Rollback& asked) {
  HL_TRY_ASSIGN(const Standing standing, read(asked.service));
  const ServiceStatus status = standing.service.status;
  if (status == ServiceStatus::stopped || status == ServiceStatus::stopping ||
      status == ServiceStatus::deleting || status == ServiceStatus::finished) {
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
  Draft draft{.kind = standing.serving == 0 ? RolloutKind::deploy : RolloutKind::update,
              .to = target,
              .is_new_revision = true,
              .who = asked.who,
              .back_to = target.number,
              .policy = without_steps(target.config.policy)};
  HL_TRY_ASSIGN(draft.to->number, store_.next_revision(asked.service));
  draft.to->created_at = clock_.now();
  draft.to->who = asked.who;
  model::Service after = standing.service;
  after.update_time = clock_.now();
  return accept(standing, draft, std::move(after));
}

Result<model::Revision> Changes::rollback_target(const Standing& standing, const Rollback& asked) {
  const model::Service& service = standing.service;
  RevisionNumber number = asked.to.value_or(0);
  if (!asked.to && standing.under_way) number = standing.under_way->plan.from;
  if (!asked.to && !standing.under_way) {
    HL_TRY_ASSIGN(const auto rollouts, store_.list_rollouts(service.id));
    number = served_before(rollouts, standing.serving);
  }
  if (!asked.to && number == 0) {
    return unfit("must be given: nothing served before what serves now");
  }
  Result<model::Revision> target = store_.find_revision(service.id, number);
  if (target || target.error().code() != Code::not_found) return target;
  return unfit(fmt::format("names revision {}, which was deleted or never was", number));
}

Result<void> Changes::check_target(const Standing& standing, const model::Revision& target) {
  const model::ServiceId& id = standing.service.id;
  if (standing.serving != 0) {
    HL_TRY_ASSIGN(const model::Revision serving, store_.find_revision(id, standing.serving));
    if (serving.config == target.config) {
      return unfit(fmt::format("names revision {}, which is configured as what serves: revision {}",
                               target.number, serving.number));
    }
  }
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
