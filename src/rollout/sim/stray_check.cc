#include "rollout/sim/stray_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/phase.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;

// Weights are rounded where many parts divide one (model::k_weight_max).
constexpr double k_hair = 0.01;

// -1: no slot is there.
int slot_of(const model::Plan& plan, const std::string& group, int entry) {
  int index = 0;
  for (const model::Slot& slot : plan.slots) {
    if ((slot.from && slot.from->key == group) || (slot.to && slot.to->key == group)) return index;
    ++index;
  }
  return std::min(entry, index - 1);
}

bool is_stray(const model::Plan& plan, const std::string& group) {
  return std::none_of(plan.slots.begin(), plan.slots.end(), [&](const model::Slot& slot) {
    return (slot.from && slot.from->key == group) || (slot.to && slot.to->key == group);
  });
}

// How a route's traffic falls on strays and on others.
struct Balance {
  double stray_weight = 0, whole = 0;
  int strays = 0, others = 0;
  double share() const { return whole == 0 ? 0 : stray_weight / whole; }
};

Balance balance_of(const model::Plan& plan, const model::ServiceRoute& route) {
  Balance balance;
  for (const model::Share& share : route.shares) {
    const bool stray = is_stray(plan, share.group);
    balance.whole += share.weight;
    balance.stray_weight += stray ? share.weight : 0;
    (stray ? balance.strays : balance.others) += static_cast<int>(share.endpoints.size());
  }
  return balance;
}

// Instances that carried the service before this plan, as it was configured, or the fewer that it
// shall have.
int carried_before(const model::Plan& plan) {
  int carried = 0;
  for (const model::Slot& slot : plan.slots) {
    if (slot.from)
      carried += slot.to ? std::min(slot.from->count, slot.to->count) : slot.from->count;
  }
  return carried;
}

// In some slot with weight they are all that answers, or all that answers beside what the steps of
// the plan hold down.
bool stand_alone(const model::Plan& plan, const View& view, const model::ServiceRoute& route) {
  std::vector<int> strays(plan.slots.size(), 0);
  std::vector<int> others(plan.slots.size(), 0);
  const auto count = [&](const model::Share& share, const model::Endpoint& endpoint) {
    for (const InstanceView& seen : view.instances) {
      if (seen.recorded.id != endpoint.instance) continue;
      const bool stray = is_stray(plan, share.group);
      const int slot = slot_of(plan, share.group, seen.recorded.entry);
      if (slot < 0) return;
      const auto& from = plan.slots[static_cast<std::size_t>(slot)].from;
      const bool held_down = !plan.steps.empty() && !(from && from->key == share.group);
      if (stray || !held_down) ++(stray ? strays : others)[static_cast<std::size_t>(slot)];
    }
  };
  for (const model::Share& share : route.shares) {
    for (const model::Endpoint& endpoint : share.endpoints) count(share, endpoint);
  }
  for (std::size_t slot = 0; slot < strays.size(); ++slot) {
    if (strays[slot] > 0 && others[slot] == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> check_strays(const View& view, const Decision& decision,
                                      const model::ServiceRoute& before) {
  if (is_end(view.phase) || is_end(decision.phase)) return {};
  const model::Plan& plan = view.plan;
  const Balance then = balance_of(plan, before);
  const Balance now = balance_of(plan, decision.route);
  if (now.strays == 0) return {};
  std::vector<std::string> failures;
  if (!stand_alone(plan, view, decision.route) && now.share() > then.share() + k_hair) {
    failures.push_back(fmt::format("what a superseded change left gets {:.3f}, it had {:.3f}",
                                   now.share(), then.share()));
  }
  const int carried = carried_before(plan);
  const bool simple = plan.slots.size() == 1 && plan.slow_start == Duration{} && plan.steps.empty();
  if (simple && now.others >= carried && carried > 0 && now.stray_weight > 0) {
    failures.push_back(fmt::format("what a superseded change left gets {:.3f}, {} carry all",
                                   now.share(), now.others));
  }
  return failures;
}

}  // namespace hitless::rollout
