#include "rollout/sim/small_change.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::rollout {
namespace {

using std::chrono::seconds;

constexpr int k_quarters_most = 3;
constexpr int k_spare_most = 2;
constexpr int k_first_step = 10;  // of canaries, percent

model::RolloutPolicy policy_of(const std::string& kind) {
  model::RolloutPolicy policy;
  if (kind.starts_with("canary")) {
    policy.strategy = model::Strategy::canary;
    policy.steps = {{k_first_step, seconds(2)}, {50, seconds(1)}, {100, Duration{}}};
  } else if (kind.starts_with("blue_green")) {
    policy.strategy = model::Strategy::blue_green;
    policy.bake = seconds(2);
  } else if (kind == "swap") {
    policy.strategy = model::Strategy::hold_and_swap;
  } else if (kind == "slow") {
    policy.slow_start = seconds(2);
  }
  return policy;
}

}  // namespace

std::string SmallChange::text() const {
  return fmt::format("{} {} {} {} {}", kind, from, to, surge, unavailable);
}

bool SmallChange::has_meaning() const {
  const int most = std::max(from, to);
  if (kind == "blue_green_tight") {
    const bool has_both = surge >= to && surge <= to + k_spare_most;
    return unavailable == 0 && (surge <= k_spare_most || has_both);
  }
  if (knows_pool()) return surge <= k_spare_most && unavailable <= 1;
  if (surge > most) return false;
  if (kind == "scale") return from != to;
  if (kind == "quarters") return surge <= k_quarters_most && unavailable <= k_quarters_most;
  const bool has_knobs = kind == "replace" || kind == "add" || kind == "canary" || kind == "slow";
  if (!has_knobs && (surge != 1 || unavailable != 0)) return false;
  if (kind == "deploy") return from == 1;
  return kind != "stop" || to == 1;
}

model::Revision SmallChange::revise(model::RevisionNumber number, const char* model_id,
                                    int count) const {
  model::Revision revision;
  revision.service = service();
  revision.number = number;
  model::ConfigEntry& entry = revision.config.entries.emplace_back();
  entry.model = model::ModelId(model_id);
  entry.weight = 100;
  entry.instance_count = count;
  const double part = kind == "quarters" ? 0.25 : 1;
  entry.knobs.max_surge = knows_pool() ? 1 : part * surge;
  entry.knobs.max_unavailable = part * unavailable;
  entry.knobs.deploy_timeout = seconds(60);
  revision.config.policy = policy_of(kind);
  return revision;
}

std::optional<model::Revision> SmallChange::aim(model::RevisionNumber number) const {
  if (kind == "stop") return std::nullopt;
  model::Revision next = revise(number, kind == "scale" ? "model-a" : "model-b", to);
  if (kind == "add") {
    model::ConfigEntry& changed = next.config.entries[0];
    changed.weight = 50;
    model::ConfigEntry added = changed;
    added.model = model::ModelId("model-d");
    next.config.entries.push_back(added);
  }
  return next;
}

void SmallChange::limit(model::Plan& plan) const {
  if (kind != "canary" || surge + unavailable == 0) return;
  for (model::Slot& slot : plan.slots) {
    if (!slot.from || !slot.to) continue;
    slot.surge = surge;
    slot.unavailable = unavailable;
  }
}

std::string SmallChange::refusal() const {
  if (!knows_pool()) return "";
  if (to > capacity()) {
    return fmt::format(
        "field [config] is more than the pool can ever hold: {} places for instances are needed, "
        "{} are in the whole pool",
        to, capacity());
  }
  const std::string_view no_room = "there is no room for this change: strategy";
  const int first = (to * k_first_step + 99) / 100;
  if (kind == "canary_tight" && surge < first) {
    return fmt::format(
        "{} canary starts {} % of the new instances beside all old ones: {} places for instances "
        "are needed, {} are free",
        no_room, k_first_step, first, surge);
  }
  if (kind == "blue_green_tight" && surge < to) {
    return fmt::format(
        "{} blue_green starts the whole new set beside the old one: {} places for instances are "
        "needed, {} are free",
        no_room, to, surge);
  }
  return "";
}

}  // namespace hitless::rollout
