#include "rollout/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
#include "rollout/demand.h"

namespace hitless::rollout {
namespace {

// One slot; goal instances are fresh, others old.
struct Stand {
  const model::Group* goal = nullptr;
  const model::Group* leaving = nullptr;
  int fresh = 0;
  int old = 0;
  int wanted = 0;   // of the step under way
  int floor = 0;    // as make_place() of scene.cc has it …
  int ceiling = 0;  // … and this
};

Stand stand_of(const model::Slot& slot) {
  Stand stand;
  const int n_from = slot.from ? slot.from->count : 0;
  const int n_to = slot.to ? slot.to->count : 0;
  const bool stays = slot.is_kept();
  stand.goal = slot.to ? &*slot.to : nullptr;
  stand.leaving = slot.from && !stays ? &*slot.from : nullptr;
  (stays ? stand.fresh : stand.old) = n_from;
  stand.floor = slot.from && slot.to ? std::max(0, std::min(n_from, n_to) - slot.unavailable) : 0;
  stand.ceiling = std::max(n_from, n_to) + slot.surge;
  return stand;
}

class Rehearser {
 public:
  explicit Rehearser(const RehearsalInput& input) : input_(input), room_(input.room) {
    for (const model::Slot& slot : input.slots) stands_.push_back(stand_of(slot));
    result_.lowest = result_.highest = serving();
  }

  Rehearsal run() {
    for (const model::BakeStep& step : input_.steps) {
      if (!reach(step.weight)) return result_;
    }
    if (!reach(100)) return result_;
    int last = 0;
    for (const Stand& stand : stands_) last += stand.goal != nullptr ? stand.goal->count : 0;
    result_.lowest = std::min(result_.lowest, last);
    result_.complete = true;
    return result_;
  }

 private:
  int serving() const {
    int sum = 0;
    for (const Stand& stand : stands_) sum += stand.fresh + stand.old;
    return sum;
  }

  // Goes on until every slot has the share of its goal; false: nothing moves any more.
  bool reach(int percent) {
    for (Stand& stand : stands_) {
      if (stand.goal == nullptr) continue;
      const bool steps = stand.leaving != nullptr;
      stand.wanted = steps ? model::part_of(stand.goal->count, percent) : stand.goal->count;
    }
    while (!reached()) {
      if (!turn()) return tell_stuck(), false;
    }
    return true;
  }

  bool reached() const {
    return std::all_of(stands_.begin(), stands_.end(),
                       [](const Stand& stand) { return stand.fresh >= stand.wanted; });
  }

  // What settle() does in one decision; then all that starts is ready, and all that leaves is gone.
  bool turn() {
    Room now = room_;
    int started = 0;
    int left = 0;
    std::optional<Duration> wave;
    const int before = serving();
    for (std::size_t slot = 0; slot < stands_.size(); ++slot) {
      Stand& stand = stands_[slot];
      const int missing = stand.wanted - stand.fresh;
      if (stand.goal == nullptr || missing <= 0) continue;
      const int start = std::max(0, std::min({missing, stand.ceiling - stand.fresh - stand.old,
                                              now.fits(stand.goal->needs)}));
      for (int index = 0; index < start; ++index) take(now, stand.goal->needs);
      left += make_way(stand, now, start, missing - start);
      stand.fresh += start;
      started += start;
      if (start > 0) note_start(input_.starts[slot], wave);
    }
    result_.highest = std::max(result_.highest, before + started);
    result_.lowest = std::min(result_.lowest, before - left);
    if (started > 0) ++result_.waves;
    result_.starting += wave.value_or(Duration{});
    if (before == left) {
      result_.longest_hold = std::max(result_.longest_hold, wave.value_or(Duration{}));
    }
    return started + left > 0;
  }

  void take(Room& now, const model::Resources& needs) {
    now.take(needs);
    room_.take(needs);
  }

  int make_way(Stand& stand, Room& now, int started, int missing) {
    if (missing <= 0) return 0;
    int over = stand.fresh + stand.old + started + missing - stand.ceiling;
    int spare = stand.fresh + stand.old - stand.floor;
    Room to_be = now;
    int left = 0;
    while (stand.old > 0 && spare-- > 0) {
      if (over <= 0 && to_be.fits(stand.goal->needs) >= missing) break;
      --stand.old;
      --over;
      ++left;
      to_be.give_back(stand.leaving->needs);
      room_.give_back(stand.leaving->needs);
      now.take(stand.goal->needs);
    }
    return left;
  }

  void note_start(const std::optional<Duration>& start, std::optional<Duration>& wave) {
    result_.measured = result_.measured && start.has_value();
    wave = std::max(wave.value_or(Duration{}), start.value_or(Duration{}));
  }

  void tell_stuck() {
    for (const Stand& stand : stands_) {
      const int missing = stand.wanted - stand.fresh;
      if (stand.goal == nullptr || missing <= 0) continue;
      const auto lack = shortage(room_, {{stand.goal->needs, missing}});
      if (!lack) continue;
      result_.stuck = fmt::format(
          "config[{}] would wait for ever for {} of its {} instances: {} "
          "once all has left that may leave before",
          stand.goal->entry, missing, stand.goal->count, *lack);
      return;
    }
    result_.stuck = "no instance may leave and none may come";
  }

  const RehearsalInput& input_;
  Room room_;
  std::vector<Stand> stands_;
  Rehearsal result_;
};

}  // namespace

Rehearsal rehearse(const RehearsalInput& input) {
  return Rehearser(input).run();
}

}  // namespace hitless::rollout
