#include "rollout/route.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "rollout/limits.h"
#include "rollout/slow_start.h"
#include "rollout/split.h"

namespace hitless::rollout {
namespace {

using model::Share;

// One share to be, with the slot whose weight it is part of.
struct Part {
  int slot = -1;
  bool goal = false;
  std::uint64_t mass = 0;  // in levels of slow_start.h
  Share share;
};

// What parts divide by their mass: a slot's weight, or one side's split of it.
struct Pot {
  std::uint64_t mass = 0;
  std::uint64_t part = 1;  // of the slot's weight …
  std::uint64_t of = 1;    // … cut into so many
  std::uint64_t pieces() const { return of * mass; }
};
using PotKey = std::pair<int, bool>;  // slot, goal's side of it

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
  std::map<std::tuple<int, bool, model::RevisionNumber, std::string, int>, Part> parts;
  for (const Seat& seat : scene.seats) {
    if (!seat.is_routable()) continue;
    const model::Instance& recorded = seat.seen->recorded;
    const model::RevisionNumber revision = label_of(scene, seat);
    const int level = share_level(*scene.view, recorded);
    Part& part = parts[{seat.slot, seat.goal, revision, recorded.group, level}];
    part.slot = seat.slot;
    part.goal = seat.goal;
    part.mass += static_cast<std::uint64_t>(level);
    part.share.revision = revision;
    part.share.group = recorded.group;
    part.share.endpoints.push_back({recorded.id, recorded.address});
  }
  std::vector<Part> ordered;
  for (auto& [key, part] : parts) {
    std::sort(part.share.endpoints.begin(), part.share.endpoints.end(),
              [](const auto& left, const auto& right) { return left.instance < right.instance; });
    ordered.push_back(std::move(part));
  }
  return ordered;
}

class Scales {
 public:
  Scales(const Scene& scene, std::optional<int> goal_percent, std::vector<Part>& parts)
      : scene_(scene), goal_percent_(goal_percent), parts_(parts) {
    for (const Part& part : parts_) pots_[key_of(part)].mass += part.mass;
    if (goal_percent_) split();
    reduce();
  }

  // Splits each slot's weight over its parts; false when nothing of it falls on any.
  template <class WeightOf>
  bool weigh(WeightOf weight_of) {
    const std::uint64_t exact = common_multiple();
    const std::uint64_t whole = exact != 0 ? exact : k_weight_parts;
    std::uint64_t divisor = 0;
    std::vector<std::uint64_t> weights;
    for (const Part& part : parts_) {
      const Pot& pot = pots_.at(key_of(part));
      const std::uint64_t weight =
          weight_of(part.slot) * pot.part * part.mass * whole / pot.pieces();
      weights.push_back(weight);
      divisor = std::gcd(divisor, weight);
    }
    if (divisor == 0) return false;
    const std::uint64_t largest = *std::max_element(weights.begin(), weights.end()) / divisor;
    for (std::size_t index = 0; index < parts_.size(); ++index) {
      parts_[index].share.weight = fitted(weights[index] / divisor, largest);
    }
    return true;
  }

 private:
  bool is_split(int slot) const {
    if (!goal_percent_ || slot < 0) return false;
    const Place& place = scene_.places[static_cast<std::size_t>(slot)];
    return place.goal != nullptr && place.leaving != nullptr;
  }

  PotKey key_of(const Part& part) const { return {part.slot, part.goal && is_split(part.slot)}; }

  Strength strength(int slot, bool goal, int count) const {
    Strength strength{.ready = 0, .count = count};
    for (const Part& part : parts_) {
      if (part.slot == slot && part.goal == goal)
        strength.ready += static_cast<std::int64_t>(part.share.endpoints.size());
    }
    return strength;
  }

  void split() {
    for (auto& [key, pot] : pots_) {
      const auto [slot, goal] = key;
      if (!is_split(slot)) continue;
      const Place& place = scene_.places[static_cast<std::size_t>(slot)];
      const Split split = split_weight(strength(slot, true, place.count),
                                       strength(slot, false, place.leaving->count), *goal_percent_);
      pot.part = static_cast<std::uint64_t>(goal ? split.goal : split.other);
      pot.of = static_cast<std::uint64_t>(split.goal + split.other);
    }
  }

  // Masses in lowest terms, so that exact weights stay small.
  void reduce() {
    std::map<PotKey, std::uint64_t> divisors;
    for (const Part& part : parts_) {
      std::uint64_t& divisor = divisors[key_of(part)];
      divisor = std::gcd(divisor, part.mass);
    }
    for (Part& part : parts_) part.mass /= divisors.at(key_of(part));
    for (auto& [key, pot] : pots_) pot.mass /= divisors.at(key);
  }

  // 0: too large to be exact.
  std::uint64_t common_multiple() const {
    std::uint64_t multiple = 1;
    for (const auto& [key, pot] : pots_) {
      multiple = std::lcm(multiple, pot.pieces());
      if (multiple > k_weight_parts) return 0;
    }
    return multiple;
  }

  // The gateway lays a whole period of turns out in advance, so weights are bounded.  Only while
  // instances change can they exceed it, and then a part in a thousand is exact enough; what has
  // any weight keeps some.
  static std::uint32_t fitted(std::uint64_t weight, std::uint64_t largest) {
    if (weight == 0 || largest <= model::k_weight_max) return static_cast<std::uint32_t>(weight);
    return static_cast<std::uint32_t>(
        std::max<std::uint64_t>(1, weight * model::k_weight_max / largest));
  }

  const Scene& scene_;
  const std::optional<int> goal_percent_;
  std::vector<Part>& parts_;
  std::map<PotKey, Pot> pots_;
};

std::uint64_t planned_weight(const std::optional<model::Group>& group) {
  return group ? static_cast<std::uint64_t>(std::max(0, group->weight)) : 0;
}

void weigh_parts(const Scene& scene, Weights weights, std::optional<int> goal_percent,
                 std::vector<Part>& parts) {
  Scales scales(scene, goal_percent, parts);
  const auto by_side = [&](Side side) {
    return scales.weigh([&](int index) -> std::uint64_t {
      if (index < 0) return 0;
      const model::Slot& slot = scene.view->plan.slots[static_cast<std::size_t>(index)];
      return planned_weight(side == Side::to ? slot.to : slot.from);
    });
  };
  const Side first = weights == Weights::before ? Side::from : scene.goal_side;
  if (by_side(first) || by_side(scene.goal_side)) return;
  for (Part& part : parts) {
    part.share.weight = static_cast<std::uint32_t>(part.share.endpoints.size());
  }
}

}  // namespace

model::ServiceRoute route_of(const Scene& scene, Weights weights, std::optional<int> goal_percent) {
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
  weigh_parts(scene, weights, goal_percent, parts);
  for (Part& part : parts) route.shares.push_back(std::move(part.share));
  return route;
}

}  // namespace hitless::rollout
