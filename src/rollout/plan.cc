#include "rollout/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/crypto.h"
#include "rollout/compare.h"
#include "rollout/demand.h"
#include "rollout/forecast.h"
#include "rollout/limits.h"
#include "rollout/match.h"
#include "rollout/strategy.h"

namespace hitless::rollout {
namespace {

using model::ConfigEntry;
using model::Group;
using model::Plan;

Error refuse(std::size_t index, std::string_view field, std::string_view why) {
  return Error(Code::invalid, fmt::format("config[{}].{} {}", index, field, why));
}

Result<void> check_entry(const ConfigEntry& entry, std::size_t index) {
  if (entry.instance_count < 1) return refuse(index, "instance_count", "must be at least 1");
  if (entry.weight < 0 || entry.weight > 100) {
    return refuse(index, "weight", "must be between 0 and 100");
  }
  const model::Knobs& knobs = entry.knobs;
  if (!(knobs.max_surge >= 0)) return refuse(index, "max_surge", "must not be negative");
  if (!(knobs.max_unavailable >= 0))
    return refuse(index, "max_unavailable", "must not be negative");
  if (knobs.grace < Duration{}) {
    return refuse(index, "termination_grace_period_seconds", "must not be negative");
  }
  if (knobs.deploy_timeout <= Duration{}) {
    return refuse(index, "deploy_timeout_in_seconds", "must be more than 0");
  }
  return {};
}

Result<void> check_target(const model::ServiceConfig& config) {
  if (config.entries.empty()) return Error(Code::invalid, "config must have at least one entry");
  int weights = 0;
  for (std::size_t index = 0; index < config.entries.size(); ++index) {
    HL_TRY(check_entry(config.entries[index], index));
    weights += config.entries[index].weight;
  }
  if (weights != 100) {
    return Error(Code::invalid, fmt::format("config[].weight must add up to 100, not {}", weights));
  }
  return {};
}

Group make_group(const model::Revision& revision, std::size_t index, const std::string& key) {
  const ConfigEntry& entry = revision.config.entries[index];
  return {.key = key,
          .revision = revision.number,
          .entry = static_cast<int>(index),
          .count = entry.instance_count,
          .weight = entry.weight,
          .grace = entry.knobs.grace,
          .deploy_timeout = entry.knobs.deploy_timeout,
          .needs = entry.resources};
}

model::Slot make_slot(const PlanInput& input, const Pairing& pairing, const Pair& pair) {
  model::Slot slot;
  if (pair.from) slot.from = make_group(*input.from, *pair.from, pairing.from_keys[*pair.from]);
  if (!pair.to) return slot;
  slot.to = make_group(*input.to, *pair.to, pairing.to_keys[*pair.to]);
  const ConfigEntry& entry = input.to->config.entries[*pair.to];
  if (!pair.from) return slot;
  const Allowance allowance = resolve_allowance(entry.knobs, entry.instance_count);
  slot.surge = allowance.surge;
  slot.unavailable = allowance.unavailable;
  return slot;
}

// What can never run, however empty the pool is.
Result<void> check_capacity(const PlanInput& input, const Plan& plan) {
  std::vector<Demand> whole;
  for (const model::Slot& slot : plan.slots) {
    if (!slot.to) continue;
    const std::string where = fmt::format("config[{}]", slot.to->entry);
    if (const auto lack = shortage(input.capacity, {{slot.to->needs, 1}}, "in the whole pool")) {
      return Error(Code::invalid, fmt::format("field [{}.specification] is more than the pool can "
                                              "ever hold: {}",
                                              where, *lack));
    }
    whole.push_back({slot.to->needs, slot.to->count});
  }
  if (const auto lack = shortage(input.capacity, whole, "in the whole pool")) {
    return Error(Code::invalid,
                 fmt::format("field [config] is more than the pool can ever hold: {}", *lack));
  }
  return {};
}

// A stopped service keeps the configuration: nothing is carried out.
void keep_for_later(Plan& plan) {
  plan.slots.clear();
  plan.strategy = model::Strategy::none;
  plan.reason = "the service does not run: it keeps this for its next start";
}

// Over all that is carried out, and whether it is hitless.
std::string hash_of(Plan plan) {
  plan.hash.clear();
  plan.forecast = {.lowest = 0,
                   .highest = 0,
                   .longest_hold = {},
                   .predicted = std::nullopt,
                   .proof = {},
                   .samples = {},
                   .hitless = plan.forecast.hitless,
                   .unmet = plan.forecast.unmet,
                   .leftovers = {},
                   .restarts = 0};
  return sha256_hex(to_json_text(model::to_json(plan)));
}

Plan draft_plan(const PlanInput& input) {
  static const model::ServiceConfig k_nothing;
  const model::ServiceConfig& before = input.from ? input.from->config : k_nothing;
  const model::ServiceConfig& after = input.to ? input.to->config : k_nothing;
  const Pairing pairing = pair_entries(before, after);
  Plan plan;
  plan.service = input.service;
  plan.kind = input.kind;
  plan.from = input.from ? input.from->number : 0;
  plan.to = input.to ? input.to->number : 0;
  plan.balance = input.to ? after.balance : before.balance;
  plan.balance_from = input.from ? before.balance : after.balance;
  plan.traffic = input.to ? after.traffic : before.traffic;
  plan.traffic_from = input.from ? before.traffic : after.traffic;
  plan.drain_budget =
      std::max(k_drain_budget, std::max(plan.traffic.stream_drain, plan.traffic_from.stream_drain) +
                                   k_stream_parting);
  if (input.to) {
    const model::RolloutPolicy& policy = input.effective_policy();
    plan.judgement = policy.judgement;
    plan.drop_budget = policy.drop_budget;
    plan.slow_start = policy.slow_start;
  }
  plan.changes = compare_configs(before, after, pairing);
  plan.changes.insert(plan.changes.end(), input.notes.begin(), input.notes.end());
  for (const Pair& pair : pairing.pairs) plan.slots.push_back(make_slot(input, pairing, pair));
  return plan;
}

}  // namespace

Allowance resolve_allowance(const model::Knobs& knobs, int count) {
  // Far below any share of a count we know, far above what doubles get wrong in such products.
  constexpr double k_hair = 1e-9;
  const auto resolve = [&](double knob, bool up) {
    if (!(knob > 0)) return 0;
    if (knob >= 1) return static_cast<int>(std::min(knob, 1e6));
    const double share = knob * count;
    return static_cast<int>(up ? std::ceil(share - k_hair) : std::floor(share + k_hair));
  };
  Allowance allowance{.surge = resolve(knobs.max_surge, true),
                      .unavailable = resolve(knobs.max_unavailable, false)};
  if (allowance.surge == 0 && allowance.unavailable == 0) allowance.surge = 1;
  return allowance;
}

model::RevisionNumber base_of(const Plan& under_way, model::Phase phase,
                              const std::vector<model::Instance>& instances) {
  if (under_way.from != 0 || phase == model::Phase::rolling_back) return under_way.from;
  const bool serves =
      std::any_of(instances.begin(), instances.end(), [&](const model::Instance& instance) {
        return instance.revision == under_way.to && instance.stage == model::Stage::ready;
      });
  return serves ? under_way.to : 0;
}

Result<Plan> plan_change(const PlanInput& input) {
  if (input.to) HL_TRY(check_target(input.to->config));
  Plan plan = draft_plan(input);
  HL_TRY(check_capacity(input, plan));
  if (input.keeps) {
    keep_for_later(plan);
  } else {
    HL_TRY_ASSIGN(const Rehearsal rehearsal, choose_strategy(input, plan));
    foresee(input, rehearsal, plan);
  }
  plan.hash = hash_of(plan);
  return plan;
}

}  // namespace hitless::rollout
