#include "rollout/sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "rollout/phase.h"
#include "rollout/scene.h"
#include "rollout/verdict.h"

namespace hitless::rollout {
namespace {

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
      if (stage_after(seen) == Stage::ready && seen.process == Process::running &&
          seen.probe != Probe::failing)
        fail("{} is ready and nothing is routed", seen.recorded.id.text());
    }
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

  // Exactly the side that serves, all of it ready.
  void end(bool to_side) {
    const bool may_lack = keeps_instances(view_.plan);
    std::map<std::string, int> alive;
    for (const InstanceView& seen : view_.instances) {
      const Stage stage = stage_after(seen);
      if (stage == Stage::gone) continue;
      const bool heals = may_lack && stage == Stage::starting;
      if (stage != Stage::ready && !heals) fail("{} is left behind", seen.recorded.id.text());
      ++alive[seen.recorded.group];
    }
    std::map<std::string, int> wanted;
    for (const model::Slot& slot : view_.plan.slots) {
      const auto& group = to_side ? slot.to : slot.from;
      if (group) wanted[group->key] = group->count;
    }
    if (may_lack) {
      for (const auto& [key, count] : alive) {
        if (!wanted.contains(key)) fail("an instance of neither side is left");
      }
      return;
    }
    if (alive != wanted) fail("the instances are not those of the side that serves");
  }

  void labels(bool to_side) {
    const model::RevisionNumber revision = to_side ? view_.plan.to : view_.plan.from;
    for (const model::Share& share : decision_.route.shares) {
      if (share.revision != revision) fail("a share is labelled {}", share.revision);
    }
  }

  std::vector<std::string> take() { return std::move(failures_); }

 private:
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
    if (seen.probe == Probe::failing || seen.process != Process::running)
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
  if (!committed && view.plan.from != 0) checker.weights_before_commit();
  return checker.take();
}

std::vector<std::string> check_tend(const View& view, const Decision& decision) {
  Checker checker(view, decision);
  checker.moves();
  checker.starts();
  checker.route();
  return checker.take();
}

std::vector<std::string> check_end(const View& view, const Decision& decision) {
  Checker checker(view, decision);
  if (decision.phase == Phase::succeeded) checker.end(true), checker.labels(true);
  if (decision.phase == Phase::rolled_back) checker.end(false), checker.labels(false);
  return checker.take();
}

}  // namespace hitless::rollout
