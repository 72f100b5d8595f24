#include "rollout/sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "rollout/bake.h"
#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/prove.h"
#include "rollout/scene.h"
#include "rollout/verdict.h"

namespace hitless::rollout {
namespace {

using model::Group;
using model::Phase;
using model::Stage;

bool may_become(Stage from, Stage to) {
  switch (from) {
    case Stage::starting: return to == Stage::ready || to == Stage::stopping || to == Stage::gone;
    case Stage::ready: return to == Stage::draining || to == Stage::gone;
    case Stage::draining: return to == Stage::stopping || to == Stage::ready || to == Stage::gone;
    case Stage::stopping: return to == Stage::gone;
    case Stage::gone: return false;
  }
  return false;
}

bool is_routed_ready(const InstanceView& seen) {
  return seen.recorded.stage == Stage::ready && seen.process == Process::running &&
         seen.probe == Probe::passing && seen.routing == Routing::full;
}

class Checker {
 public:
  Checker(const View& view, const Decision& decision) : view_(view), decision_(decision) {
    for (const MoveInstance& move : decision.moves) {
      if (!moves_.emplace(move.id, &move).second) fail("{} moves twice", move.id.text());
    }
    for (const InstanceView& seen : view.instances) seen_.emplace(seen.recorded.id, &seen);
  }

  void moves() {
    for (const auto& [id, move] : moves_) {
      const auto found = seen_.find(id);
      if (found == seen_.end()) {
        fail("{} moves and is not there", id.text());
        continue;
      }
      const InstanceView& seen = *found->second;
      if (!may_become(seen.recorded.stage, move->stage)) {
        fail("{} may not go from {} to {}", id.text(), model::to_text(seen.recorded.stage),
             model::to_text(move->stage));
      }
      giving_up(seen, *move);
      if (move->stage == Stage::ready && seen.probe != Probe::passing)
        fail("{} becomes ready and does not pass its probe", id.text());
      if (seen.recorded.stage == Stage::draining && move->stage == Stage::stopping)
        stop_of_drained(seen);
    }
  }

  void starts() {
    std::map<int, int> started;
    std::set<int> ordinals;
    for (const StartInstance& start : decision_.starts) {
      ++started[slot_of(start.group, start.entry)];
      if (start.ordinal < view_.next_ordinal || !ordinals.insert(start.ordinal).second)
        fail("ordinal {} is used twice", start.ordinal);
      if (seen_.contains(start.id)) fail("{} is started twice", start.id.text());
    }
    Room room = view_.room;
    for (const StartInstance& start : decision_.starts) {
      const model::Resources needs = find_group(view_.plan, start.group)->needs;
      if (room.fits(needs) < 1) fail("{} starts without room", start.id.text());
      room.take(needs);
    }
    for (const auto& [slot, count] : started) {
      if (slot < 0) {
        fail("an instance is started for no slot");
        continue;
      }
      const int total = count + alive_after(slot);
      if (total > ceiling(slot)) fail("slot {}: {} instances over ceiling", slot, total);
    }
  }

  void floors(bool committed) {
    for (int slot = 0; slot < static_cast<int>(view_.plan.slots.size()); ++slot) {
      const model::Slot& planned = at(slot);
      int before = 0;
      int kept = 0;
      for (const InstanceView& seen : view_.instances) {
        if (slot_of(seen.recorded.group, seen.recorded.entry) != slot || !is_routed_ready(seen))
          continue;
        ++before;
        kept += stage_after(seen) == Stage::ready ? 1 : 0;
      }
      int floor = 0;
      if (planned.from && planned.to) {
        floor = std::min(planned.from->count, planned.to->count) - planned.unavailable;
        if (!committed && planned.from->key == planned.to->key) floor = before - strays(slot);
      } else if (planned.from && !committed) {
        floor = planned.from->count;
      }
      if (kept < std::min(before, floor))
        fail("slot {}: {} of {} routed-ready kept, floor {}", slot, kept, before, floor);
    }
  }

  void route() {
    std::set<model::InstanceId> routed;
    std::uint64_t weight = 0;
    for (const model::Share& share : decision_.route.shares) {
      if (share.endpoints.empty()) fail("a share without endpoints");
      weight += share.weight;
      for (const model::Endpoint& endpoint : share.endpoints) {
        if (!routed.insert(endpoint.instance).second)
          fail("{} is routed twice", endpoint.instance.text());
        endpoint_is_ready(endpoint);
      }
    }
    const bool serves = decision_.route.standing == model::Standing::serving;
    if (serves != (weight > 0)) fail("standing and weights contradict each other");
    if (serves || decision_.route.standing == model::Standing::stopped) return;
    for (const InstanceView& seen : view_.instances) {
      if (is_there(seen) && (seen.probe != Probe::failing || asks_the_unwell()))
        fail("{} is ready and nothing is routed", seen.recorded.id.text());
    }
  }

  bool is_there(const InstanceView& seen) const {
    return stage_after(seen) == Stage::ready && seen.process == Process::running;
  }

  // Of all that are there none is well: whoever answered once is asked, unless requests are parked.
  bool asks_the_unwell() const {
    const bool parks = view_.plan.strategy == model::Strategy::hold_and_swap;
    if (parks && !is_end(view_.phase)) return false;
    return std::none_of(view_.instances.begin(), view_.instances.end(), [this](const auto& seen) {
      return is_there(seen) && seen.probe != Probe::failing;
    });
  }

  void weights_before_commit() {
    bool old_side_ready = false;
    bool added_has_weight = false;
    for (const model::Share& share : decision_.route.shares) {
      if (share.endpoints.empty()) continue;
      const auto found = seen_.find(share.endpoints[0].instance);
      if (found == seen_.end()) continue;
      const model::Instance& recorded = found->second->recorded;
      const int slot = slot_of(recorded.group, recorded.entry);
      if (slot < 0) continue;
      const int weight = at(slot).from ? at(slot).from->weight : 0;
      old_side_ready = old_side_ready || weight > 0;
      added_has_weight = added_has_weight || (weight == 0 && share.weight > 0);
    }
    if (old_side_ready && added_has_weight) fail("weights turned before the new side was complete");
  }

  void terminal() {
    if (!decision_.moves.empty() || !decision_.starts.empty() || decision_.wake_at)
      fail("a terminal phase emits something");
  }

  void phase() {
    if (!may_follow(view_.phase, decision_.phase)) {
      fail("no edge from {} to {}", model::to_text(view_.phase), model::to_text(decision_.phase));
    }
    if (decision_.why.empty()) fail("no why in {}", model::to_text(decision_.phase));
    if (decision_.phase == Phase::rolling_back && decision_.reason.empty())
      fail("it turned round without a reason");
  }

  // A replaced slot's new side has what its step says, within what is ready of both sides.
  void split() {
    const bool back = decision_.phase == Phase::rolling_back || is_end(decision_.phase);
    if (!is_stepped(view_.plan) || back) return;
    for (int slot = 0; slot < static_cast<int>(view_.plan.slots.size()); ++slot) {
      const model::Slot& planned = at(slot);
      if (!planned.is_replaced()) continue;
      if (planned.from->weight == 0) continue;  // only where nothing else serves
      const Sides sides = sides_of(slot);
      const double ready_new =
          std::min(1.0, static_cast<double>(sides.new_ready) / planned.to->count);
      const double ready_old =
          std::min(1.0, static_cast<double>(sides.old_ready) / planned.from->count);
      if (sides.weight() == 0 || ready_new + ready_old < 1 || sides.lopsided()) continue;
      const double share = static_cast<double>(sides.new_weight) / sides.weight();
      if (share > ready_new + k_hair)
        fail("slot {}: {} on a new side of {}", slot, share, ready_new);
      if (1 - share > ready_old + k_hair)
        fail("slot {}: {} on an old side of {}", slot, 1 - share, ready_old);
      if (!decision_.baking_at || decision_.phase != Phase::baking) continue;
      const double target = step_weight(view_.plan, decision_.step) / 100.0;
      const double want = std::clamp(target, 1 - ready_old, ready_new);
      if (std::abs(share - want) > k_hair) fail("slot {}: {} where {} bakes", slot, share, want);
    }
  }

  // What a superseded plan left makes way before the old side does.
  void strays_first() {
    if (decision_.phase == Phase::rolling_back || is_end(decision_.phase)) return;
    std::set<int> old_leaves;
    std::set<int> stray_stays;
    for (const InstanceView& seen : view_.instances) {
      const int slot = slot_of(seen.recorded.group, seen.recorded.entry);
      if (slot < 0 || !is_routed_ready(seen)) continue;
      const bool stays = stage_after(seen) == Stage::ready;
      const bool stray = find_group(view_.plan, seen.recorded.group) == nullptr;
      const bool is_old = at(slot).is_replaced() && seen.recorded.group == at(slot).from->key;
      if (stray && stays) stray_stays.insert(slot);
      if (is_old && stage_after(seen) == Stage::draining) old_leaves.insert(slot);
    }
    for (const int slot : old_leaves) {
      if (stray_stays.contains(slot)) fail("slot {}: an old one leaves before a stray", slot);
    }
  }

  // Weights turn once all that shall serve does.
  void turn() {
    if (decision_.phase != Phase::draining || view_.phase == Phase::draining) return;
    if (keeps_instances(view_.plan)) return;  // nothing comes for the weights to wait for
    for (const model::Slot& slot : view_.plan.slots) {
      if (!slot.to) continue;
      const auto ready = std::count_if(
          view_.instances.begin(), view_.instances.end(), [&](const InstanceView& seen) {
            return seen.recorded.group == slot.to->key && is_routed_ready(seen);
          });
      if (ready < slot.to->count)
        fail("weights turn with {} of {} instances that shall serve", ready, slot.to->count);
    }
  }

  // On the way back nobody is sent to a version that is wrong more often than right while one that
  // it was to replace is well.
  void shuns() {
    const bool back = decision_.phase == Phase::rolling_back || decision_.phase == Phase::failed;
    if (!back || !is_mostly_wrong(decision_.evidence)) return;
    for (int slot = 0; slot < static_cast<int>(view_.plan.slots.size()); ++slot) {
      if (!at(slot).is_replaced()) continue;
      std::uint64_t old_weight = 0;
      std::uint64_t new_weight = 0;
      for (const model::Share& share : decision_.route.shares) {
        old_weight += share.group == at(slot).from->key ? share.weight : 0;
        new_weight += share.group == at(slot).to->key ? share.weight : 0;
      }
      if (old_weight > 0 && new_weight > 0)
        fail("slot {}: {} of {} to what is mostly wrong", slot, new_weight,
             new_weight + old_weight);
    }
  }

  // Where weights follow the instances, one that is ready carries as much as the next.
  void evenly() {
    if (decision_.phase == Phase::rolling_back && is_mostly_wrong(decision_.evidence)) return;
    if (is_stepped(view_.plan) || view_.plan.slow_start != Duration{}) return;
    std::map<int, std::pair<double, double>> each;  // slot → least and most of an instance
    for (const model::Share& share : decision_.route.shares) {
      const auto found = seen_.find(share.endpoints[0].instance);
      if (found == seen_.end() || find_group(view_.plan, share.group) == nullptr) continue;
      const double weight = share.weight / static_cast<double>(share.endpoints.size());
      const int slot = slot_of(share.group, found->second->recorded.entry);
      const auto [least_most, first] = each.emplace(slot, std::pair(weight, weight));
      auto& [least, most] = least_most->second;
      least = std::min(least, weight);
      most = std::max(most, weight);
    }
    for (const auto& [slot, least_most] : each) {
      const auto [least, most] = least_most;
      if (least < (1 - k_hair) * most)
        fail("slot {}: one instance gets {} and another {}", slot, least, most);
    }
  }

  void course() {
    const bool back = decision_.phase == Phase::rolling_back || is_end(decision_.phase);
    const int ahead = decision_.step - view_.step;
    if (ahead < 0 || ahead > 1) fail("from step {} to {}", view_.step, decision_.step);
    if (decision_.baking_at && decision_.phase != Phase::baking) fail("a bake outside of baking");
    if (!back && decision_.route.hold != view_.plan.hold) fail("the hold is not the plan's");
    if (proves(view_.plan)) return proof(ahead);
    if (ahead == 1 && (view_.phase != Phase::baking || !view_.baking_at))
      fail("step {} is over and has not baked", view_.step);
    if (ahead == 1 && !has_baked()) fail("step {} is over before its time", view_.step);
    if (decision_.phase == Phase::draining && view_.phase != Phase::draining &&
        is_stepped(view_.plan) && decision_.step < static_cast<int>(view_.plan.steps.size()))
      fail("the old side leaves before the last step");
  }

  // While requests come, the last old one that is well stays beside the new ones until there is a
  // verdict, its time is over, or its user has had enough.
  void proof(int ahead) {
    if (ahead == 1 && view_.phase != Phase::baking) fail("proved before it began");
    if (decision_.phase == Phase::rolling_back || is_end(decision_.phase) || view_.step > 0) return;
    const Time begun = view_.baking_at.value_or(view_.now);
    const bool over = view_.orders.skip > 0 || run_since(begun) >= view_.plan.judgement.proving;
    const bool good = view_.evidence && view_.evidence->verdict == model::Verdict::good;
    const bool called = view_.requests_at && view_.now < *view_.requests_at + k_quiet;
    if (over || good || !called || view_.phase == Phase::draining) return;
    int well = 0;
    int stay = 0;
    bool comes = false;
    for (const InstanceView& seen : view_.instances) {
      const int slot = slot_of(seen.recorded.group, seen.recorded.entry);
      if (slot < 0 || !at(slot).is_replaced() || seen.recorded.stage != Stage::ready) continue;
      if (seen.process != Process::running || seen.probe == Probe::failing) continue;
      const bool is_new = seen.recorded.group == at(slot).to->key;
      comes = comes || is_new;
      const bool is_old = seen.recorded.group == at(slot).from->key;
      well += is_old ? 1 : 0;
      stay += is_old && stage_after(seen) == Stage::ready ? 1 : 0;
    }
    if (comes && well > 0 && stay == 0) fail("the last old one leaves and nothing is proved");
  }

  // Where shares rise, an old one leaves only for new ones that have their full share.
  void rising() {
    const bool back = decision_.phase == Phase::rolling_back || is_end(decision_.phase);
    if (view_.plan.slow_start == Duration{} || is_stepped(view_.plan) || back) return;
    for (int slot = 0; slot < static_cast<int>(view_.plan.slots.size()); ++slot) {
      if (!at(slot).is_replaced()) continue;
      int kept = 0;
      bool leaves = false;
      for (const InstanceView& seen : view_.instances) {
        if (slot_of(seen.recorded.group, seen.recorded.entry) != slot || !is_routed_ready(seen))
          continue;
        const bool stays = stage_after(seen) == Stage::ready;
        const bool is_new = seen.recorded.group == at(slot).to->key;
        const Time since = seen.recorded.routed_at.value_or(*seen.recorded.ready_at);
        const bool full = !is_new || view_.now >= since + view_.plan.slow_start;
        kept += stays && full ? 1 : 0;
        leaves = leaves || (!stays && !is_new);
      }
      if (leaves && kept < floor_of(slot))
        fail("slot {}: an old one leaves, {} have their full share of {}", slot, kept,
             floor_of(slot));
    }
  }

  // Nothing warm leaves while steps are under way but for ceiling and room.  What fails its probe
  // is not warm.
  void warm() {
    if (!holds_back(view_) || decision_.phase == Phase::rolling_back) return;
    for (const InstanceView& seen : view_.instances) {
      const int slot = slot_of(seen.recorded.group, seen.recorded.entry);
      const bool old = slot >= 0 && at(slot).from && at(slot).to &&
                       at(slot).from->key == seen.recorded.group &&
                       at(slot).to->key != seen.recorded.group;
      const bool leaves =
          seen.recorded.stage == Stage::ready && stage_after(seen) == Stage::draining;
      if (!old || !leaves || seen.probe == Probe::failing) continue;
      const model::Group& coming = *at(slot).to;
      const int wanted = model::part_of(coming.count, step_weight(view_.plan, view_.step));
      const int missing = wanted - count_after(coming.key);
      const int alive = alive_or_back(slot);
      if (missing <= 0) fail("{} leaves, and nothing comes", seen.recorded.id.text());
      if (alive + missing <= ceiling(slot) && room_beside(slot).fits(coming.needs) >= missing)
        fail("{} leaves, and there is room", seen.recorded.id.text());
    }
  }

  void pause() {
    if (!view_.orders.paused_at || view_.phase == Phase::rolling_back) return;
    if (decision_.phase == Phase::rolling_back) {
      const bool bad = decision_.evidence && decision_.evidence->verdict == model::Verdict::bad;
      if (!bad && view_.orders.abort.empty() && view_.dropped <= view_.plan.drop_budget)
        fail("it turned round while paused");
      return;
    }
    if (decision_.phase != view_.phase || decision_.step != view_.step ||
        decision_.baking_at != view_.baking_at)
      fail("it went on while paused");
    for (const InstanceView& seen : view_.instances) {
      if (seen.recorded.stage == Stage::ready && stage_after(seen) == Stage::draining)
        fail("{} leaves while paused", seen.recorded.id.text());
    }
    for (const StartInstance& start : decision_.starts) {
      const int slot = slot_of(start.group, start.entry);
      if (slot >= 0 && alive_after(slot) >= floor_of(slot))
        fail("{} starts while paused", start.id.text());
    }
  }

  std::vector<std::string> take() { return std::move(failures_); }

 private:
  struct Sides {
    int new_ready = 0, old_ready = 0;
    std::uint64_t new_weight = 0, old_weight = 0;
    double weight() const { return static_cast<double>(new_weight + old_weight); }
    // All on one side, because the other has nothing in the route.
    bool lopsided() const { return new_ready == 0 || old_ready == 0; }
  };

  // Weights are rounded where many parts divide one (model::k_weight_max).
  static constexpr double k_hair = 0.01;

  Sides sides_of(int slot) const {
    Sides sides;
    for (const model::Share& share : decision_.route.shares) {
      const auto found = seen_.find(share.endpoints[0].instance);
      if (found == seen_.end()) continue;
      const model::Instance& recorded = found->second->recorded;
      if (slot_of(recorded.group, recorded.entry) != slot) continue;
      const bool is_new = recorded.group == at(slot).to->key;
      const int ready = static_cast<int>(share.endpoints.size());
      (is_new ? sides.new_ready : sides.old_ready) += ready;
      (is_new ? sides.new_weight : sides.old_weight) += share.weight;
    }
    return sides;
  }

  // On a clock that stands still in pauses.
  Duration run_since(Time mark) const {
    Duration run =
        view_.orders.paused_at ? std::max(mark, *view_.orders.paused_at) - mark : view_.now - mark;
    for (const model::Pause& pause : view_.orders.pauses) {
      if (pause.end > mark) run -= pause.end - std::max(pause.begin, mark);
    }
    return run;
  }

  // Told to stop for not getting ready although it does not say that it cannot.
  void giving_up(const InstanceView& seen, const MoveInstance& move) {
    const bool late = move.ending == model::Ending::never_ready && seen.probe != Probe::failing;
    if (!late || move.stage != Stage::stopping) return;
    const Group* group = find_group(view_.plan, seen.recorded.group);
    const Duration run = run_since(seen.recorded.created_at);
    if (group != nullptr && run < group->deploy_timeout)
      fail("{} is given up after {} s", seen.recorded.id.text(),
           std::chrono::duration<double>(run).count());
  }

  bool has_baked() const {
    const auto index = static_cast<std::size_t>(view_.step);
    if (view_.step < view_.orders.skip) return true;
    return view_.baking_at && run_since(*view_.baking_at) >= view_.plan.steps[index].bake;
  }

  int count_after(const std::string& group) const {
    return static_cast<int>(
        std::count_if(view_.instances.begin(), view_.instances.end(), [&](const auto& seen) {
          const Stage stage = stage_after(seen);
          return seen.recorded.group == group &&
                 (stage == Stage::starting || stage == Stage::ready);
        }));
  }

  // Before this decision, and what it takes back from draining.
  int alive_or_back(int slot) const {
    return static_cast<int>(
        std::count_if(view_.instances.begin(), view_.instances.end(), [&](const auto& seen) {
          const bool alive =
              seen.recorded.stage == Stage::starting || seen.recorded.stage == Stage::ready ||
              (seen.recorded.stage == Stage::draining && stage_after(seen) == Stage::ready);
          return alive && slot_of(seen.recorded.group, seen.recorded.entry) == slot;
        }));
  }

  // Without what this decision starts in other slots.
  Room room_beside(int slot) const {
    Room room = view_.room;
    for (const StartInstance& start : decision_.starts) {
      if (slot_of(start.group, start.entry) != slot)
        room.take(find_group(view_.plan, start.group)->needs);
    }
    return room;
  }

  int floor_of(int slot) const {
    const model::Slot& planned = at(slot);
    if (!planned.from || !planned.to) return 0;
    return std::max(0, std::min(planned.from->count, planned.to->count) - planned.unavailable);
  }

  template <class... Args>
  void fail(fmt::format_string<Args...> format, Args&&... args) {
    failures_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  const model::Slot& at(int slot) const { return view_.plan.slots[static_cast<std::size_t>(slot)]; }

  int slot_of(const std::string& group, int entry) const {
    int index = 0;
    for (const model::Slot& slot : view_.plan.slots) {
      if ((slot.from && slot.from->key == group) || (slot.to && slot.to->key == group))
        return index;
      ++index;
    }
    return std::min(entry, index - 1);
  }

  int ceiling(int slot) const {
    const int from = at(slot).from ? at(slot).from->count : 0;
    const int to = at(slot).to ? at(slot).to->count : 0;
    return std::max(from, to) + at(slot).surge;
  }

  int strays(int slot) const {
    return static_cast<int>(std::count_if(
        view_.instances.begin(), view_.instances.end(), [&](const InstanceView& seen) {
          const std::string& group = seen.recorded.group;
          return slot_of(group, seen.recorded.entry) == slot && is_routed_ready(seen) &&
                 !(at(slot).from && at(slot).from->key == group) &&
                 !(at(slot).to && at(slot).to->key == group);
        }));
  }

  Stage stage_after(const InstanceView& seen) const {
    const auto found = moves_.find(seen.recorded.id);
    return found == moves_.end() ? seen.recorded.stage : found->second->stage;
  }

  int alive_after(int slot) const {
    return static_cast<int>(std::count_if(
        view_.instances.begin(), view_.instances.end(), [&](const InstanceView& seen) {
          const Stage stage = stage_after(seen);
          return slot_of(seen.recorded.group, seen.recorded.entry) == slot &&
                 (stage == Stage::starting || stage == Stage::ready);
        }));
  }

  void stop_of_drained(const InstanceView& seen) {
    const bool over = view_.now >= seen.recorded.stage_at + view_.plan.drain_budget;
    if (seen.in_flight > 0 && !over)
      fail("{} is stopped with {} in flight", seen.recorded.id.text(), seen.in_flight);
    if (seen.routing != Routing::none)
      fail("{} is stopped while workers use it", seen.recorded.id.text());
  }

  void endpoint_is_ready(const model::Endpoint& endpoint) {
    const auto found = seen_.find(endpoint.instance);
    if (found == seen_.end()) return fail("{} is routed, unknown", endpoint.instance.text());
    const InstanceView& seen = *found->second;
    const bool passed = seen.recorded.ready_at || seen.probe == Probe::passing;
    if (!passed) fail("{} is routed and never passed its probe", endpoint.instance.text());
    if (stage_after(seen) != Stage::ready && !is_end(view_.phase))
      fail("{} is routed and not ready", endpoint.instance.text());
    const bool is_unwell = seen.probe == Probe::failing && !asks_the_unwell();
    if (is_unwell || seen.process != Process::running)
      fail("{} is routed and does not answer", endpoint.instance.text());
  }

  const View& view_;
  const Decision& decision_;
  std::map<model::InstanceId, const MoveInstance*> moves_;
  std::map<model::InstanceId, const InstanceView*> seen_;
  std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> check_step(const View& view, const Decision& decision) {
  Checker checker(view, decision);
  checker.phase();
  checker.route();
  checker.shuns();
  if (is_end(view.phase)) {
    checker.terminal();
    return checker.take();
  }
  const Phase phase = decision.phase;
  const bool back = phase == Phase::rolling_back || is_end(phase);
  const bool committed = phase == Phase::draining || back;
  checker.moves();
  checker.starts();
  checker.floors(committed);
  checker.split();
  checker.evenly();
  checker.turn();
  checker.strays_first();
  checker.course();
  checker.warm();
  checker.rising();
  checker.pause();
  if (!committed && view.plan.from != 0) checker.weights_before_commit();
  return checker.take();
}

std::vector<std::string> check_tend(const View& view, const Decision& decision) {
  Checker checker(view, decision);
  checker.moves();
  checker.starts();
  checker.route();
  checker.shuns();
  return checker.take();
}

}  // namespace hitless::rollout
