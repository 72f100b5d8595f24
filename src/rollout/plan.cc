#include "rollout/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/crypto.h"
#include "rollout/compare.h"
#include "rollout/limits.h"
#include "rollout/match.h"

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

void choose_strategy(Plan& plan) {
  bool replaces = false;
  bool shrinks = false;
  int lowest = 0;
  int extra = 0;
  for (const model::Slot& slot : plan.slots) {
    if (!slot.from || !slot.to || slot.from->key == slot.to->key) continue;
    replaces = true;
    shrinks = shrinks || slot.surge == 0;
    lowest += slot.unavailable;
    extra += slot.surge;
  }
  if (!replaces) {
    plan.strategy = model::Strategy::none;
    plan.reason = "no instance is replaced";
  } else if (shrinks) {
    plan.strategy = model::Strategy::shrink;
    plan.reason = fmt::format("no extra instance is allowed, up to {} may be missing", lowest);
  } else {
    plan.strategy = model::Strategy::surge;
    plan.reason = fmt::format("up to {} extra instance(s) run meanwhile, {}", extra,
                              lowest == 0 ? std::string("none may be missing")
                                          : fmt::format("up to {} may be missing", lowest));
  }
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
  plan.drain_budget = k_drain_budget;
  plan.changes = compare_configs(before, after, pairing);
  for (const Pair& pair : pairing.pairs) plan.slots.push_back(make_slot(input, pairing, pair));
  choose_strategy(plan);
  plan.hash = sha256_hex(to_json_text(model::to_json(plan)));
  return plan;
}

}  // namespace hitless::rollout
