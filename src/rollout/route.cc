#include "rollout/route.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "rollout/limits.h"
#include "rollout/slow_start.h"
#include "rollout/split.h"
#include "rollout/strays.h"
#include "rollout/verdict.h"

namespace hitless::rollout {
namespace {

using model::Share;

// One share to be, with the slot whose weight it is part of.
struct Part {
  int slot = -1;
  bool goal = false;
  bool stray = false;
  std::uint64_t mass = 0;  // in levels of slow_start.h
  Share share;
};

// What parts divide by their mass: a slot's weight, or one side's split of it, or what strays have
// of that.
struct Pot {
  std::uint64_t mass = 0;
  std::uint64_t part = 1;  // of the slot's weight …
  std::uint64_t of = 1;    // … cut into so many
  std::uint64_t pieces() const { return of * mass; }

  void narrow(std::uint64_t to, std::uint64_t whole) {
    const std::uint64_t divisor = std::max<std::uint64_t>(1, std::gcd(part * to, of * whole));
    part = part * to / divisor;
    of = of * whole / divisor;
  }
};
using PotKey = std::tuple<int, bool, bool>;  // slot, goal's side of it, strays

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
  const bool all = scene.asks_the_unwell();
  std::map<std::tuple<int, bool, bool, model::RevisionNumber, std::string, int>, Part> parts;
  for (const Seat& seat : scene.seats) {
    if (!seat.is_routable() && !(all && seat.stage == model::Stage::ready)) continue;
    const model::Instance& recorded = seat.seen->recorded;
    const model::RevisionNumber revision = label_of(scene, seat);
    const int level = share_level(*scene.view, recorded);
    Part& part = parts[{seat.slot, seat.goal, seat.stray, revision, recorded.group, level}];
    part.slot = seat.slot;
    part.goal = seat.goal;
    part.stray = seat.stray;
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
  // `weights` of the slots.
  Scales(const Scene& scene, std::optional<int> goal_percent, std::vector<std::uint64_t> weights,
         std::vector<Part> parts)
      : scene_(scene),
        goal_percent_(goal_percent),
        shuns_(scene.goal_side == Side::from && is_mostly_wrong(scene.view->evidence)),
        weights_(std::move(weights)),
        parts_(std::move(parts)) {
    for (const Part& part : parts_) pots_[key_of(part)].mass += part.mass;
    if (goal_percent_ || shuns_) split();
    limit_strays();
    reduce();
  }

  // Splits each slot's weight over its parts; none when nothing of it falls on any.
  std::optional<std::vector<Part>> weigh() && {
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
    if (divisor == 0) return std::nullopt;
    const std::uint64_t largest = *std::max_element(weights.begin(), weights.end()) / divisor;
    for (std::size_t index = 0; index < parts_.size(); ++index) {
      parts_[index].share.weight = fitted(weights[index] / divisor, largest);
    }
    return std::move(parts_);
  }

 private:
  std::uint64_t weight_of(int slot) const {
    return slot < 0 ? 0 : weights_[static_cast<std::size_t>(slot)];
  }

  bool is_split(int slot) const {
    if (slot < 0 || !(goal_percent_ || shuns_)) return false;
    const Place& place = scene_.places[static_cast<std::size_t>(slot)];
    return place.goal != nullptr && place.leaving != nullptr;
  }

  PotKey key_of(const Part& part) const {
    return {part.slot, part.goal && is_split(part.slot), part.stray};
  }

  Strength strength(int slot, bool goal, int count) const {
    Strength strength{.ready = 0, .count = count};
    for (const Part& part : parts_) {
      if (part.slot == slot && part.goal == goal)
        strength.ready += static_cast<std::int64_t>(part.share.endpoints.size());
    }
    return strength;
  }

  // On the way back nothing goes to a side that is wrong more often than right, however few of the
  // others are well: asked in vain is no help to those who are too few.
  Split split_of(Strength goal, Strength other) const {
    if (!shuns_) return split_weight(goal, other, *goal_percent_);
    return goal.ready > 0 ? Split{1, 0} : split_evenly(goal, other);
  }

  void split() {
    for (auto& [key, pot] : pots_) {
      const auto [slot, goal, stray] = key;
      if (!is_split(slot)) continue;
      const Place& place = scene_.places[static_cast<std::size_t>(slot)];
      const Split split =
          split_of(strength(slot, true, place.count), strength(slot, false, place.leaving->count));
      pot.part = static_cast<std::uint64_t>(goal ? split.goal : split.other);
      pot.of = static_cast<std::uint64_t>(split.goal + split.other);
    }
  }

  // Beside others strays get what their number makes, but no more than they had when the plan
  // began, nor than the others lack of all that carried the slot before it.
  void limit_strays() {
    std::set<std::pair<int, bool>> sides;
    for (const auto& [key, pot] : pots_) sides.emplace(std::get<0>(key), std::get<1>(key));
    for (const auto& [slot, goal] : sides) limit_strays(slot, goal);
  }

  void limit_strays(int slot, bool goal) {
    const auto own = pots_.find({slot, goal, false});
    const auto stray = pots_.find({slot, goal, true});
    if (own == pots_.end() || stray == pots_.end()) return;
    const std::uint64_t carried = carried_by(slot);
    const std::uint64_t lacking = carried - std::min(carried, own->second.mass);
    std::uint64_t given = std::min(lacking, stray->second.mass);
    std::uint64_t whole = own->second.mass + given;
    const auto [had, of] = had_by_strays(slot, own->second);
    if (given * of > had * whole) std::tie(given, whole) = std::pair(had, of);
    own->second.narrow(whole - given, whole);
    stray->second.narrow(given, whole);
  }

  // What strays had when the plan began, as a fraction of what the pot is part of.
  std::pair<std::uint64_t, std::uint64_t> had_by_strays(int slot, const Pot& pot) const {
    const auto& shares = scene_.view->stray_shares;
    if (!shares || slot < 0 || static_cast<std::size_t>(slot) >= shares->size()) return {1, 1};
    std::set<int> routed;
    for (const Part& part : parts_) routed.insert(part.slot);
    std::uint64_t all = 0;
    for (const int each : routed) all += weight_of(each);
    const auto share = static_cast<std::uint64_t>((*shares)[static_cast<std::size_t>(slot)]);
    const std::uint64_t of = weight_of(slot) * pot.part * k_traffic_parts;
    return {std::min(of, share * all * pot.of), std::max<std::uint64_t>(1, of)};
  }

  // In levels.
  std::uint64_t carried_by(int slot) const {
    const Place& place = scene_.places[static_cast<std::size_t>(slot)];
    const int count = is_split(slot) ? place.leaving->count : place.carried;
    return static_cast<std::uint64_t>(count) * k_full_share;
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
      if (pot.part > 0) multiple = std::lcm(multiple, pot.pieces());
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
  const bool shuns_;
  const std::vector<std::uint64_t> weights_;
  std::vector<Part> parts_;
  std::map<PotKey, Pot> pots_;
};

std::uint64_t planned_weight(const std::optional<model::Group>& group) {
  return group ? static_cast<std::uint64_t>(std::max(0, group->weight)) : 0;
}

void weigh_parts(const Scene& scene, Weights weights, std::optional<int> goal_percent,
                 std::vector<Part>& parts) {
  const auto by_side = [&](Side side) {
    std::vector<std::uint64_t> slots;
    for (const model::Slot& slot : scene.view->plan.slots) {
      slots.push_back(planned_weight(side == Side::to ? slot.to : slot.from));
    }
    auto weighed = Scales(scene, goal_percent, std::move(slots), parts).weigh();
    if (weighed) parts = std::move(*weighed);
    return weighed.has_value();
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
  const bool is_before = before && plan.from != 0;
  route.balance = is_before ? plan.balance_from : plan.balance;
  route.traffic = is_before ? plan.traffic_from : plan.traffic;
  std::vector<Part> parts = collect(scene);
  route.standing = parts.empty() ? model::Standing::not_ready : model::Standing::serving;
  weigh_parts(scene, weights, goal_percent, parts);
  for (Part& part : parts) route.shares.push_back(std::move(part.share));
  return route;
}

}  // namespace hitless::rollout
