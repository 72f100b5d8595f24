#include "rollout/strategy.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
#include "rollout/demand.h"
#include "rollout/forecast.h"
#include "rollout/limits.h"

namespace hitless::rollout {
namespace {

using model::Slot;
using model::Strategy;

std::string missing_text(int missing) {
  return missing == 0 ? std::string("none may be missing")
                      : fmt::format("up to {} may be missing", missing);
}

Error no_room(std::string text) {
  return Error(Code::exhausted, "there is no room for this change: " + std::move(text));
}

class Chooser {
 public:
  Chooser(const PlanInput& input, model::Plan& plan) : input_(input), plan_(plan) {
    for (Slot& slot : plan.slots) {
      if (!slot.is_replaced()) continue;
      const model::ConfigEntry& entry = entry_of(slot);
      replaced_.push_back(&slot);
      allowed_.push_back(resolve_allowance(entry.knobs, entry.instance_count));
    }
    for (const Slot& slot : plan.slots) {
      starts_.push_back(start_of(slot));
      if (!slot.to || slot.is_replaced()) continue;
      const int there = slot.from ? slot.from->count : 0;
      grown_.push_back({slot.to->needs, std::max(0, slot.to->count - there)});
    }
  }

  Result<Rehearsal> run() {
    let_leftovers_leave();
    if (replaced_.empty()) return choose_none();
    const model::RolloutPolicy& policy = input_.effective_policy();
    if (!policy.strategy) return pick();
    switch (*policy.strategy) {
      case Strategy::surge: return choose_surge();
      case Strategy::shrink: return choose_shrink();
      case Strategy::blue_green: return choose_blue_green(policy);
      case Strategy::canary: return choose_canary(policy);
      case Strategy::none:
      case Strategy::hold_and_swap: break;
    }
    return swap("the service asks for it");
  }

 private:
  const model::ConfigEntry& entry_of(const Slot& slot) const {
    return input_.to->config.entries[static_cast<std::size_t>(slot.to->entry)];
  }

  std::optional<Duration> start_of(const Slot& slot) const {
    if (!slot.to) return std::nullopt;
    const auto known = input_.start_times.find(entry_of(slot).model);
    return known == input_.start_times.end() ? std::nullopt : std::optional(known->second);
  }

  // They serve in the room of what stays, and would hold it for ever: one at a time goes first.
  void let_leftovers_leave() {
    for (Slot& slot : plan_.slots) {
      if (waits_for_leftovers(input_, plan_, slot))
        slot.unavailable = std::max(1, slot.unavailable);
    }
  }

  Rehearsal rehearse_it() const {
    return rehearse(
        {.slots = plan_.slots, .steps = plan_.steps, .starts = starts_, .room = input_.room});
  }

  Result<Rehearsal> settle_on(Strategy strategy, std::string reason) {
    plan_.strategy = strategy;
    plan_.reason = std::move(reason);
    Rehearsal rehearsal = rehearse_it();
    if (!rehearsal.complete) return no_room(rehearsal.stuck);
    return rehearsal;
  }

  Result<Rehearsal> choose_none() {
    if (plan_.to == 0) return settle_on(Strategy::none, "everything stops");
    if (const auto lack = shortage(input_.room, grown_)) return no_room(*lack);
    const bool waits = std::any_of(plan_.slots.begin(), plan_.slots.end(), [&](const Slot& slot) {
      return waits_for_leftovers(input_, plan_, slot);
    });
    return settle_on(Strategy::none, waits ? "no instance is replaced; what the change under way "
                                             "has started makes way for those that it stopped"
                                           : "no instance is replaced");
  }

  // So many extra instances for each replaced slot, one for each before any gets a second.
  std::vector<int> grant(const std::vector<int>& wanted) const {
    Room room = without(input_.room, grown_);
    std::vector<int> granted(replaced_.size(), 0);
    for (bool given = true; given;) {
      given = false;
      for (std::size_t index = 0; index < replaced_.size(); ++index) {
        const model::Resources& needs = replaced_[index]->to->needs;
        if (granted[index] >= wanted[index] || room.fits(needs) < 1) continue;
        room.take(needs);
        ++granted[index];
        given = true;
      }
    }
    return granted;
  }

  std::vector<int> surges_wanted() const {
    std::vector<int> wanted;
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      // More than the old ones and the count would never run at once.
      wanted.push_back(std::min(allowed_[index].surge, replaced_[index]->to->count));
    }
    return wanted;
  }

  void allow(const std::vector<int>& surges) {
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      const bool whole = surges[index] >= replaced_[index]->to->count;
      replaced_[index]->surge = whole ? allowed_[index].surge : surges[index];
      replaced_[index]->unavailable = allowed_[index].unavailable;
    }
  }

  int unavailable_in_all() const {
    int sum = 0;
    for (const Slot* slot : replaced_) sum += slot->unavailable;
    return sum;
  }

  // Without a name: by knobs and room.
  Result<Rehearsal> pick() {
    const std::vector<int> wanted = surges_wanted();
    const std::vector<int> granted = grant(wanted);
    allow(granted);
    bool holds = false;
    bool shrinks = false;
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      if (granted[index] > 0) continue;
      shrinks = true;
      holds = holds || allowed_[index].unavailable == 0;
      replaced_[index]->unavailable = std::max(1, allowed_[index].unavailable);
    }
    if (holds && !rehearse_it().complete) return swap(no_place());
    if (holds) return settle_on(Strategy::hold_and_swap, no_place());
    if (shrinks) {
      if (rehearse_it().complete) return settle_on(Strategy::shrink, shrink_reason(wanted));
    } else if (rehearse_it().complete) {
      return settle_on(Strategy::surge, surge_reason(wanted, granted));
    }
    return swap(
        "new instances take more room than there is beside the old ones, which have to leave "
        "before");
  }

  static std::string no_place() {
    return "there is no room for one more instance and none may be missing, so old and new ones "
           "change places";
  }

  std::string shrink_reason(const std::vector<int>& wanted) const {
    const bool by_knob = std::all_of(wanted.begin(), wanted.end(), [](int n) { return n == 0; });
    const char* why = by_knob ? "no extra instance is allowed" : "there is no room for one more";
    return fmt::format("{}, {}", why, missing_text(unavailable_in_all()));
  }

  std::string surge_reason(const std::vector<int>& wanted, const std::vector<int>& granted) const {
    int extra = 0;
    int asked = 0;
    int got = 0;
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      extra += replaced_[index]->surge;
      asked += wanted[index];
      got += granted[index];
    }
    const std::string missing = missing_text(unavailable_in_all());
    if (got == asked && extra == 1)
      return fmt::format("1 extra instance runs meanwhile, {}", missing);
    if (got == asked)
      return fmt::format("up to {} extra instances run meanwhile, {}", extra, missing);
    return fmt::format(
        "the pool has room for {} of the {} extra instances that max_surge allows, {}", got, asked,
        missing);
  }

  // Old ones leave first: the fewest at a time with which it gets through.
  Result<Rehearsal> swap(const std::string& why) {
    int most = 1;
    for (const Slot* slot : replaced_) most = std::max(most, slot->from->count);
    const auto goes = [&](int missing) {
      for (Slot* slot : replaced_) {
        slot->surge = 0;
        slot->unavailable = missing;
      }
      return rehearse_it().complete;
    };
    int fails = 0;
    while (fails + 1 < most) {
      const int middle = fails + (most - fails) / 2;
      (goes(middle) ? most : fails) = middle;
    }
    goes(most);
    const std::string pace =
        most == 1 ? std::string("one at a time") : fmt::format("up to {} at a time", most);
    return settle_on(Strategy::hold_and_swap, fmt::format("{}, {}", why, pace));
  }

  Result<Rehearsal> choose_surge() {
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      if (allowed_[index].surge > 0) continue;
      return contradicts(index, "max_surge", "is 0, but strategy surge needs an extra instance");
    }
    const std::vector<int> wanted = surges_wanted();
    const std::vector<int> granted = grant(wanted);
    if (std::find(granted.begin(), granted.end(), 0) != granted.end()) {
      return no_room("strategy surge starts one instance more: " +
                     lack_of(std::vector<int>(replaced_.size(), 1)));
    }
    allow(granted);
    return settle_on(Strategy::surge, surge_reason(wanted, granted));
  }

  Result<Rehearsal> choose_shrink() {
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      if (allowed_[index].unavailable > 0) continue;
      return contradicts(
          index, "max_unavailable",
          fmt::format("lets none of {} be missing, but strategy shrink takes out old instances "
                      "first",
                      replaced_[index]->to->count));
    }
    allow(std::vector<int>(replaced_.size(), 0));
    for (Slot* slot : replaced_) slot->surge = 0;
    return settle_on(Strategy::shrink, fmt::format("the service asks for it, {}",
                                                   missing_text(unavailable_in_all())));
  }

  Result<Rehearsal> choose_blue_green(const model::RolloutPolicy& policy) {
    std::vector<int> whole;
    for (const Slot* slot : replaced_) whole.push_back(slot->to->count);
    if (const std::string lack = lack_of(whole); !lack.empty()) {
      return no_room("strategy blue_green starts the whole new set beside the old one: " + lack);
    }
    for (Slot* slot : replaced_) {
      slot->surge = slot->to->count;
      slot->unavailable = 0;
    }
    plan_.steps = {{100, policy.bake > Duration{} ? policy.bake : k_blue_green_bake}};
    return settle_on(Strategy::blue_green, "the service asks for it, and both sets fit");
  }

  Result<Rehearsal> choose_canary(const model::RolloutPolicy& policy) {
    HL_TRY(make_steps(policy));
    std::vector<int> least;
    std::vector<int> most;
    for (const Slot* slot : replaced_) {
      const int count = slot->to->count;
      const int step_count = static_cast<int>(plan_.steps.size());
      const int beside = plan_.steps[static_cast<std::size_t>(std::max(0, step_count - 2))].weight;
      least.push_back(model::part_of(count, plan_.steps.front().weight));
      most.push_back(model::part_of(count, beside));
    }
    if (const std::string lack = lack_of(least); !lack.empty()) {
      return no_room(
          fmt::format("strategy canary starts {} % of the new instances beside all old ones: {}",
                      plan_.steps.front().weight, lack));
    }
    const std::vector<int> granted = grant(most);
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      replaced_[index]->surge = granted[index];
      replaced_[index]->unavailable = allowed_[index].unavailable;
    }
    const bool stays = granted == most;
    return settle_on(Strategy::canary,
                     stays ? "the service asks for it, and all old instances stay until the last "
                             "step"
                           : "the service asks for it; some old instances leave before the last "
                             "step, for want of room");
  }

  Result<void> make_steps(const model::RolloutPolicy& policy) {
    plan_.steps = policy.steps;
    if (plan_.steps.empty()) plan_.steps.assign(k_canary_steps.begin(), k_canary_steps.end());
    if (plan_.steps.back().weight < 100) plan_.steps.push_back({100, Duration{}});
    Duration& last = plan_.steps.back().bake;
    if (policy.bake == Duration{}) return {};
    if (last > Duration{} && last != policy.bake) {
      return Error(
          Code::invalid,
          "field [rollout_policy.bake_seconds] contradicts the bake_seconds of the last of "
          "[rollout_policy.steps]");
    }
    last = policy.bake;
    return {};
  }

  // What is short for so many extra instances of each replaced slot; empty: nothing.
  std::string lack_of(const std::vector<int>& extra) const {
    std::vector<Demand> demands = grown_;
    for (std::size_t index = 0; index < replaced_.size(); ++index) {
      demands.push_back({replaced_[index]->to->needs, extra[index]});
    }
    return shortage(input_.room, demands).value_or("");
  }

  Error contradicts(std::size_t index, std::string_view field, std::string_view why) const {
    return Error(Code::invalid, fmt::format("field [config[{}].additional_properties.{}] {}",
                                            replaced_[index]->to->entry, field, why));
  }

  const PlanInput& input_;
  model::Plan& plan_;
  std::vector<Slot*> replaced_;
  std::vector<Allowance> allowed_;  // as replaced_
  std::vector<Demand> grown_;       // what comes without anything leaving for it
  std::vector<std::optional<Duration>> starts_;
};

}  // namespace

Result<Rehearsal> choose_strategy(const PlanInput& input, model::Plan& plan) {
  return Chooser(input, plan).run();
}

}  // namespace hitless::rollout
