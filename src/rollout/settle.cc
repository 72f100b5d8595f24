#include "rollout/settle.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "rollout/limits.h"

namespace hitless::rollout {
namespace {

using model::Ending;
using model::Stage;

class Settler {
 public:
  Settler(Scene& scene, Starts starts)
      : scene_(scene),
        starts_(starts),
        releases_(scene.is_complete() && !scene.holds_back && !scene.proves && !scene.is_rising() &&
                  scene.view->phase != model::Phase::planned),
        room_(scene.view->room),
        next_ordinal_(scene.view->next_ordinal) {}

  Settled run() {
    if (starts_ != Starts::paused) drop_homeless();
    for (int slot = 0; slot < static_cast<int>(scene_.places.size()); ++slot) {
      if (starts_ == Starts::paused) {
        stand_still(slot);
      } else {
        go_on(slot);
      }
    }
    return std::move(settled_);
  }

 private:
  void go_on(int slot) {
    reclaim(slot, place(slot).wanted - count(slot, true));
    drop_useless(slot);
    drop_strays(slot);
    if (starts_ == Starts::allowed) fill(slot);
    if (releases_ || is_in_the_way(slot)) release_all(slot);
    if (scene_.holds_back && starts_ == Starts::allowed) keep_up(slot);
  }

  // What serves is kept at its floor with what it was made of: what leaves, if that can start.
  void stand_still(int slot) {
    reclaim(slot, 0);
    const Place& here = place(slot);
    const int lacking = here.floor - count(slot, true) - count(slot, false);
    const bool old_first =
        here.leaving != nullptr &&
        (here.goal == nullptr || exits_of(scene_, *here.leaving).count < k_exits_max);
    const model::Group* group = old_first ? here.leaving : here.goal;
    if (lacking > 0 && group != nullptr) start_some(slot, *group, lacking);
  }

  Place& place(int slot) { return scene_.places[static_cast<std::size_t>(slot)]; }

  template <class Wanted>
  std::vector<Seat*> seats_of(int slot, Wanted wanted) {
    std::vector<Seat*> found;
    for (Seat& seat : scene_.seats) {
      if (seat.slot == slot && wanted(seat)) found.push_back(&seat);
    }
    std::sort(found.begin(), found.end(), [this](const Seat* left, const Seat* right) {
      return leave_rank(*left) < leave_rank(*right);
    });
    return found;
  }

  // Who leaves first: not ready, then what a superseded plan left, then fewest in flight, then
  // newest.  On the way back what leaves goes before it, being what is worse.
  std::tuple<int, bool, std::uint64_t, int> leave_rank(const Seat& seat) const {
    int readiness = 3;
    if (seat.stage == Stage::starting) {
      readiness = 0;
    } else if (!seat.is_routable()) {
      readiness = 1;
    } else if (!seat.is_routed_ready()) {
      readiness = 2;
    }
    return {readiness, leaves_later(seat), seat.seen->in_flight, -seat.seen->recorded.ordinal};
  }

  bool leaves_later(const Seat& seat) const {
    return scene_.goal_side == Side::to ? !seat.stray : seat.stray;
  }

  int count(int slot, bool goal) {
    return static_cast<int>(
        std::count_if(scene_.seats.begin(), scene_.seats.end(), [&](const Seat& seat) {
          return seat.slot == slot && seat.goal == goal && seat.is_alive();
        }));
  }

  void drop_homeless() {
    for (Seat& seat : scene_.seats) {
      if (seat.slot < 0) let_go(seat);
    }
  }

  // Out of the route if it can be in it, else told to stop.
  static void let_go(Seat& seat) {
    if (!seat.is_alive()) return;
    const bool was_routed = seat.seen->recorded.stage == Stage::ready;
    move_to(seat, was_routed ? Stage::draining : Stage::stopping, Ending::retired, "");
  }

  // What drains still answers: it may serve again, which costs no start.  Goal instances come back
  // as long as one is missing; others where the world has taken the slot below its floor.
  void reclaim(int slot, int missing) {
    int below_floor = place(slot).floor - routable(slot);
    std::vector<Seat*> drains = seats_of(slot, [](const Seat& candidate) {
      return candidate.stage == Stage::draining && candidate.seen->process == Process::running &&
             candidate.seen->probe == Probe::passing;
    });
    std::stable_partition(drains.begin(), drains.end(),
                          [this](const Seat* seat) { return seat->goal || leaves_later(*seat); });
    for (Seat* seat : drains) {
      if (seat->goal ? missing <= 0 && below_floor <= 0 : below_floor <= 0) continue;
      move_to(*seat, Stage::ready, Ending::none, "");
      --below_floor;
      if (seat->goal) --missing;
    }
  }

  int routable(int slot) {
    return static_cast<int>(
        std::count_if(scene_.seats.begin(), scene_.seats.end(),
                      [&](const Seat& seat) { return seat.slot == slot && seat.is_routable(); }));
  }

  // Leaving instances that never served, and surplus ones that do not serve.
  void drop_useless(int slot) {
    int kept = place(slot).kept - ready_leaving(slot);
    for (Seat& seat : scene_.seats) {
      if (seat.slot != slot || seat.goal || seat.seen->recorded.stage != Stage::starting) continue;
      if (is_leaving_group(seat) && seat.is_alive() && kept-- > 0) continue;
      let_go(seat);
    }
    int surplus = count(slot, true) - place(slot).wanted;
    for (Seat* seat : seats_of(slot, [](const Seat& candidate) {
           return candidate.goal && candidate.is_alive() && !candidate.is_routable();
         })) {
      if (surplus-- <= 0) break;
      let_go(*seat);
    }
    if (starts_ == Starts::allowed) return;
    for (Seat& seat : scene_.seats) {
      if (seat.slot == slot && seat.stage == Stage::starting) let_go(seat);
    }
  }

  bool is_leaving_group(const Seat& seat) {
    const model::Group* leaving = place(seat.slot).leaving;
    return leaving != nullptr && leaving->key == seat.seen->recorded.group;
  }

  // Of the group that leaves, in the route for longer than this step.
  int ready_leaving(int slot) {
    return static_cast<int>(
        std::count_if(scene_.seats.begin(), scene_.seats.end(), [&](const Seat& seat) {
          return seat.slot == slot && is_leaving_group(seat) && seat.is_routable() &&
                 seat.seen->recorded.stage == Stage::ready;
        }));
  }

  // What a superseded plan left goes once the others carry without it what the slot carried before
  // this plan.  On the way back it may have to serve longer than what leaves.
  void drop_strays(int slot) {
    if (scene_.goal_side == Side::from) return;
    if (!(place(slot).carried > 0 ? is_carried(slot) : is_all_carried())) return;
    for (Seat& seat : scene_.seats) {
      if (seat.slot == slot && seat.stray) let_go(seat);
    }
  }

  // Without strays; while steps are under way by what leaves alone.
  bool is_carried(int slot) {
    const Place& here = place(slot);
    const bool stepped = scene_.holds_back && here.leaving != nullptr;
    const auto carry =
        std::count_if(scene_.seats.begin(), scene_.seats.end(), [&](const Seat& seat) {
          return seat.slot == slot && !seat.stray && !(stepped && seat.goal) &&
                 seat.is_routed_ready() && scene_.has_full_share(seat);
        });
    return carry >= (stepped ? here.leaving->count : here.carried);
  }

  bool is_all_carried() {
    for (int slot = 0; slot < static_cast<int>(scene_.places.size()); ++slot) {
      if (!is_carried(slot)) return false;
    }
    return true;
  }

  // While a step bakes, old ones that ended by themselves are replaced, after all that is new.
  void keep_up(int slot) {
    const Place& here = place(slot);
    if (here.leaving == nullptr || count(slot, true) < here.wanted) return;
    const int lacking = here.kept - count(slot, false);
    if (lacking > 0) start_some(slot, *here.leaving, lacking);
  }

  void start_some(int slot, const model::Group& group, int lacking) {
    if (const std::optional<Time> till = backoff_till(scene_, group)) {
      settled_.retry_at = std::min(settled_.retry_at.value_or(*till), *till);
      return;
    }
    int allowed = place(slot).ceiling - count(slot, true) - count(slot, false);
    for (const StartInstance& start : settled_.starts) allowed -= start.group == group.key ? 1 : 0;
    const int started = std::min({lacking, std::max(0, allowed), room_.fits(group.needs)});
    for (int index = 0; index < started; ++index) start(group);
  }

  void fill(int slot) {
    const Place& here = place(slot);
    if (here.goal == nullptr) return;
    const int missing = here.wanted - count(slot, true);
    if (missing <= 0) return;
    Shortfall shortfall;
    shortfall.slot = slot;
    shortfall.missing = missing;
    shortfall.backoff_till = backoff_till(scene_, *here.goal);
    const int total = count(slot, true) + count(slot, false);
    const int allowed = std::max(0, here.ceiling - total);
    int started = 0;
    if (!shortfall.backoff_till) {
      started = std::min({missing, allowed, room_.fits(here.goal->needs)});
      for (int index = 0; index < started; ++index) start(*here.goal);
    }
    shortfall.missing -= started;
    if (shortfall.missing == 0) return;
    shortfall.no_allowance = allowed == started;
    shortfall.no_room = !shortfall.no_allowance && room_.fits(here.goal->needs) <= 0;
    make_way(slot, total + started + shortfall.missing - here.ceiling, shortfall.missing);
    settled_.shortfalls.push_back(shortfall);
  }

  void start(const model::Group& group) {
    const std::string service = scene_.view->plan.service.text().substr(0, 8);
    const int ordinal = next_ordinal_++;
    settled_.starts.push_back(
        {.id = model::InstanceId(fmt::format("{}-r{}-{}", service, group.revision, ordinal)),
         .group = group.key,
         .revision = group.revision,
         .entry = group.entry,
         .ordinal = ordinal});
    room_.take(group.needs);
  }

  // Before everything is released only as many old instances go as stand in the way of a start:
  // over the ceiling, or for want of room that is not already being made.
  //
  // One that fails its probe may pass the next, and where all fail they carry the traffic: such a
  // one goes only where nothing else is under way, so that it blocks nobody.
  void make_way(int slot, int over_ceiling, int missing) {
    if (releases_) return;
    const model::Resources& needs = place(slot).goal->needs;
    Room room_to_be = room_;
    for (const Seat& seat : scene_.seats) {
      if (seat.frees_room()) room_to_be.give_back(seat.seen->needs);
    }
    int rising = rising_in(slot);
    int spare = scene_.routed_ready(slot, false) - rising - place(slot).floor;
    for (Seat* seat : seats_of(
             slot, [](const Seat& candidate) { return !candidate.goal && candidate.is_alive(); })) {
      if (over_ceiling <= 0 && room_to_be.fits(needs) >= missing) return;
      if (seat->is_routable() && spare-- <= 0) {
        settled_.waits_for_share = settled_.waits_for_share || spare + rising >= 0;
        return;
      }
      if (seat->is_routable() && scene_.proves && scene_.old_routable() == 1) {
        settled_.waits_for_proof = true;
        return;
      }
      if (seat->stage == Stage::ready && !seat->is_routable() && is_coming(slot)) return;
      let_go(*seat);
      room_to_be.give_back(seat->seen->needs);
      --over_ceiling;
      room_.take(needs);  // the start that was made way for gets what is free, no other slot
    }
  }

  // A new one starts, or an old one leaves for it.
  bool is_coming(int slot) const {
    const std::string& goal = scene_.places[static_cast<std::size_t>(slot)].goal->key;
    const auto& starts = settled_.starts;
    if (std::any_of(starts.begin(), starts.end(),
                    [&](const StartInstance& each) { return each.group == goal; })) {
      return true;
    }
    return std::any_of(scene_.seats.begin(), scene_.seats.end(), [&](const Seat& seat) {
      return seat.slot == slot && (seat.goal ? seat.stage == Stage::starting : seat.is_leaving());
    });
  }

  // Routed-ready and with less than a full share.
  int rising_in(int slot) const {
    return static_cast<int>(
        std::count_if(scene_.seats.begin(), scene_.seats.end(), [&](const Seat& seat) {
          return seat.slot == slot && seat.is_routed_ready() && !scene_.has_full_share(seat);
        }));
  }

  // On the way back, what was added has no traffic, and holds room the old side may need.
  bool is_in_the_way(int slot) {
    if (scene_.goal_side != Side::from || place(slot).goal != nullptr) return false;
    return std::any_of(scene_.seats.begin(), scene_.seats.end(),
                       [](const Seat& seat) { return seat.goal && seat.is_routed_ready(); });
  }

  void release_all(int slot) {
    for (Seat& seat : scene_.seats) {
      if (seat.slot == slot && !seat.goal) let_go(seat);
    }
    int surplus = count(slot, true) - place(slot).wanted;
    for (Seat* seat : seats_of(
             slot, [](const Seat& candidate) { return candidate.goal && candidate.is_alive(); })) {
      if (surplus-- <= 0) return;
      let_go(*seat);
    }
  }

  Scene& scene_;
  const Starts starts_;
  const bool releases_;
  Room room_;
  int next_ordinal_;
  Settled settled_;
};

}  // namespace

Settled settle(Scene& scene, Starts starts) {
  return Settler(scene, starts).run();
}

Exits exits_of(const Scene& scene, const model::Group& group) {
  const Time now = scene.view->now;
  Exits exits;
  for (const Seat& seat : scene.seats) {
    const bool failed = seat.ending == Ending::exited || seat.ending == Ending::never_ready;
    if (seat.seen->recorded.group != group.key || !seat.is_gone() || !failed) continue;
    const Time at = seat.is_moved() ? now : seat.seen->recorded.stage_at;
    if (at < now - k_exit_window || at < scene.since) continue;
    ++exits.count;
    exits.last = std::max(exits.last, at);
  }
  return exits;
}

std::optional<Time> backoff_till(const Scene& scene, const model::Group& group) {
  const auto [exits, last] = exits_of(scene, group);
  if (exits == 0) return std::nullopt;
  Duration wait = k_backoff_first;
  for (int exit = 1; exit < exits && wait < k_backoff_max; ++exit) wait *= 2;
  const Time till = last + std::min(wait, k_backoff_max);
  return till > scene.view->now ? std::optional(till) : std::nullopt;
}

}  // namespace hitless::rollout
