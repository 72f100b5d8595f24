#include "rollout/route.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "rollout/limits.h"

namespace hitless::rollout {
namespace {

using model::Share;

// One share to be, with the slot whose weight it is part of.
struct Part {
  int slot = -1;
  Share share;
};

// What answers are labelled with: the revision that the group stands in now, not the one that
// started the instance.
model::RevisionNumber label_of(const Scene& scene, const Seat& seat) {
  if (seat.slot >= 0) {
    const Place& place = scene.places[static_cast<std::size_t>(seat.slot)];
    if (seat.goal) return place.goal->revision;
    if (place.leaving != nullptr && place.leaving->key == seat.seen->recorded.group)
      return place.leaving->revision;
  }
  return seat.seen->recorded.revision;
}

std::vector<Part> collect(const Scene& scene) {
  std::map<std::tuple<int, bool, model::RevisionNumber, std::string>, Part> parts;
  for (const Seat& seat : scene.seats) {
    if (!seat.is_routable()) continue;
    const model::RevisionNumber revision = label_of(scene, seat);
    Part& part = parts[{seat.slot, seat.goal, revision, seat.seen->recorded.group}];
    part.slot = seat.slot;
    part.share.revision = revision;
    part.share.endpoints.push_back({seat.seen->recorded.id, seat.seen->recorded.address});
  }
  std::vector<Part> ordered;
  for (auto& [key, part] : parts) {
    std::sort(part.share.endpoints.begin(), part.share.endpoints.end(),
              [](const auto& left, const auto& right) { return left.instance < right.instance; });
    ordered.push_back(std::move(part));
  }
  return ordered;
}

std::map<int, std::uint64_t> ready_by_slot(const std::vector<Part>& parts) {
  std::map<int, std::uint64_t> ready;
  for (const Part& part : parts) ready[part.slot] += part.share.endpoints.size();
  return ready;
}

std::uint64_t common_multiple(const std::map<int, std::uint64_t>& ready) {
  std::uint64_t multiple = 1;
  for (const auto& [slot, count] : ready) {
    multiple = std::lcm(multiple, count);
    if (multiple > k_weight_parts) return 0;
  }
  return multiple;
}

// The gateway lays a whole period of turns out in advance, so weights are bounded.  Only while
// instances change can they exceed it, and then a part in a thousand is exact enough; what has any
// weight keeps some.
std::uint32_t fitted(std::uint64_t weight, std::uint64_t largest) {
  if (weight == 0 || largest <= model::k_weight_max) return static_cast<std::uint32_t>(weight);
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(1, weight * model::k_weight_max / largest));
}

// Splits each slot's weight over its parts; false when nothing of it falls on any.
template <class WeightOf>
bool weigh(std::vector<Part>& parts, WeightOf weight_of) {
  const auto ready = ready_by_slot(parts);
  const std::uint64_t exact = common_multiple(ready);
  std::uint64_t divisor = 0;
  std::vector<std::uint64_t> weights;
  for (const Part& part : parts) {
    const std::uint64_t slots = exact != 0 ? exact : k_weight_parts;
    const std::uint64_t weight =
        weight_of(part) * part.share.endpoints.size() * slots / ready.at(part.slot);
    weights.push_back(weight);
    divisor = std::gcd(divisor, weight);
  }
  if (divisor == 0) return false;
  const std::uint64_t largest = *std::max_element(weights.begin(), weights.end()) / divisor;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    parts[index].share.weight = fitted(weights[index] / divisor, largest);
  }
  return true;
}

std::uint64_t weight_in(const std::optional<model::Group>& group) {
  return group ? static_cast<std::uint64_t>(std::max(0, group->weight)) : 0;
}

void weigh_parts(const Scene& scene, Weights weights, std::vector<Part>& parts) {
  const auto by_side = [&](Side side) {
    return weigh(parts, [&](const Part& part) -> std::uint64_t {
      if (part.slot < 0) return 0;
      const model::Slot& slot = scene.view->plan.slots[static_cast<std::size_t>(part.slot)];
      return weight_in(side == Side::to ? slot.to : slot.from);
    });
  };
  const Side first = weights == Weights::before ? Side::from : scene.goal_side;
  if (by_side(first) || by_side(scene.goal_side)) return;
  for (Part& part : parts) {
    part.share.weight = static_cast<std::uint32_t>(part.share.endpoints.size());
  }
}

}  // namespace

model::ServiceRoute route_of(const Scene& scene, Weights weights) {
  const model::Plan& plan = scene.view->plan;
  model::ServiceRoute route;
  route.service = plan.service;
  if (scene.goal_side == Side::to && plan.to == 0) {
    route.standing = model::Standing::stopped;
    return route;
  }
  const bool before = weights == Weights::before || scene.goal_side == Side::from;
  route.balance = before && plan.from != 0 ? plan.balance_from : plan.balance;
  std::vector<Part> parts = collect(scene);
  route.standing = parts.empty() ? model::Standing::not_ready : model::Standing::serving;
  weigh_parts(scene, weights, parts);
  for (Part& part : parts) route.shares.push_back(std::move(part.share));
  return route;
}

}  // namespace hitless::rollout
