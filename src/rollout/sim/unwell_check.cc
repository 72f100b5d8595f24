#include "rollout/sim/unwell_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/phase.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;

Stage stage_after(const Decision& decision, const InstanceView& seen) {
  for (const MoveInstance& move : decision.moves) {
    if (move.id == seen.recorded.id) return move.stage;
  }
  return seen.recorded.stage;
}

// Before this decision or after it.
bool is_any_well(const View& view, const Decision& decision) {
  return std::any_of(view.instances.begin(), view.instances.end(), [&](const InstanceView& seen) {
    const bool stands =
        seen.recorded.stage == Stage::ready || stage_after(decision, seen) == Stage::ready;
    return stands && seen.process == Process::running && seen.probe != Probe::failing;
  });
}

// -1: one of neither side.
int slot_of(const model::Plan& plan, const std::string& group) {
  int index = 0;
  for (const model::Slot& slot : plan.slots) {
    if ((slot.from && slot.from->key == group) || (slot.to && slot.to->key == group)) return index;
    ++index;
  }
  return -1;
}

// They go one at a time, and only where nothing else is under way.
void check_slot(const View& view, const Decision& decision, int slot,
                std::vector<std::string>& failures) {
  int leave = 0;
  bool moves = std::any_of(
      decision.starts.begin(), decision.starts.end(),
      [&](const StartInstance& start) { return slot_of(view.plan, start.group) == slot; });
  for (const InstanceView& seen : view.instances) {
    if (slot_of(view.plan, seen.recorded.group) != slot) continue;
    const Stage before = seen.recorded.stage;
    const Stage after = stage_after(decision, seen);
    leave += before == Stage::ready && after == Stage::draining ? 1 : 0;
    moves = moves || (before == Stage::starting && after == before) ||
            (before == Stage::draining && after != Stage::gone);
  }
  if (leave > (moves ? 0 : 1))
    failures.push_back(fmt::format("slot {}: {} leave and none is well", slot, leave));
}

}  // namespace

std::vector<std::string> check_unwell(const View& view, const Decision& decision) {
  // Once all has turned to the other side, what leaves leaves.
  if (decision.phase == Phase::draining || is_end(decision.phase) || is_end(view.phase)) return {};
  std::vector<std::string> failures;
  int failing = 0;
  for (const InstanceView& seen : view.instances) failing += seen.probe == Probe::failing ? 1 : 0;
  if (failing == 0 || is_any_well(view, decision)) return {};
  for (int slot = 0; slot < static_cast<int>(view.plan.slots.size()); ++slot) {
    if (view.plan.slots[static_cast<std::size_t>(slot)].is_replaced())
      check_slot(view, decision, slot, failures);
  }
  return failures;
}

}  // namespace hitless::rollout
