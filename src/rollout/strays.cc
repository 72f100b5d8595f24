#include "rollout/strays.h"

#include <algorithm>

namespace hitless::rollout {

bool is_stray(const model::Plan& plan, const std::string& group) {
  return std::none_of(plan.slots.begin(), plan.slots.end(), [&](const model::Slot& slot) {
    return (slot.from && slot.from->key == group) || (slot.to && slot.to->key == group);
  });
}

int slot_of_stray(const model::Plan& plan, int entry) {
  return std::min(entry, static_cast<int>(plan.slots.size()) - 1);
}

std::vector<int> stray_shares(const model::Plan& plan, const model::ServiceRoute& route,
                              const std::vector<model::Instance>& instances) {
  std::vector<std::uint64_t> weights(plan.slots.size(), 0);
  std::uint64_t whole = 0;
  for (const model::Share& share : route.shares) {
    whole += share.weight;
    if (share.endpoints.empty() || !is_stray(plan, share.group)) continue;
    const auto instance = std::find_if(
        instances.begin(), instances.end(),
        [&](const model::Instance& each) { return each.id == share.endpoints.front().instance; });
    const int slot = instance == instances.end() ? -1 : slot_of_stray(plan, instance->entry);
    if (slot >= 0) weights[static_cast<std::size_t>(slot)] += share.weight;
  }
  std::vector<int> shares;
  for (const std::uint64_t weight : weights) {
    const std::uint64_t parts = weight * k_traffic_parts;
    shares.push_back(whole == 0 ? 0 : static_cast<int>((parts + whole - 1) / whole));
  }
  return shares;
}

}  // namespace hitless::rollout
