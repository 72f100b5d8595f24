// A Scene is one View sorted out for one direction: which group shall stand in each slot, which
// instance belongs where, and what has happened to it by itself.  step and tend work on it.
// Internal to the room.  Values; borrowed from the View, which must outlive them.
#pragma once

#include <string>
#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// One instance, and what this step makes of it.
struct Seat {
  const InstanceView* seen = nullptr;
  model::Stage stage = model::Stage::starting;  // after the moves of this step
  model::Ending ending = model::Ending::none;   // likewise
  std::string detail;                           // likewise
  int slot = -1;       // -1: its group is in no slot and there is none to put it in
  bool goal = false;   // of the group that shall stand in its slot
  bool stray = false;  // of neither side of it: what a superseded change left

  bool is_alive() const { return stage == model::Stage::starting || stage == model::Stage::ready; }
  bool is_leaving() const {
    return stage == model::Stage::draining || stage == model::Stage::stopping;
  }
  bool is_gone() const { return stage == model::Stage::gone; }
  // Its part of the room comes back: once its process is gone, or, found gone now, with the next
  // view.
  bool frees_room() const { return is_leaving() || (is_gone() && is_moved()); }
  // May be in the route.  An unknown probe does not take out what passed before: after a restart
  // of control nothing has been asked yet.
  bool is_routable() const { return stage == model::Stage::ready && seen->probe != Probe::failing; }
  // Counts toward the floor: every worker can send to it, and it is known to answer.
  bool is_routed_ready() const {
    return stage == model::Stage::ready && seen->recorded.stage == model::Stage::ready &&
           seen->probe == Probe::passing && seen->routing == Routing::full;
  }
  bool is_moved() const { return stage != seen->recorded.stage; }
};

// One slot, seen in one direction.
struct Place {
  const model::Group* goal = nullptr;     // nullptr: nothing shall stand here
  const model::Group* leaving = nullptr;  // nullptr: nothing else stood here, or goal stays
  bool added = false;                     // goal is there, and nothing stood here
  int wanted = 0;                         // of goal, by now: a step's part of its count, or all
  int count = 0;                          // of goal, in the end
  int kept = 0;                           // of leaving, while a step bakes: what its weight needs
  int carried = 0;                        // so many carry what this slot carried before the plan
  int floor = 0;                          // routed-ready instances that must remain
  int ceiling = 0;                        // instances that may be there, leaving ones not counted
};

struct Scene {
  const View* view = nullptr;
  Side goal_side = Side::to;
  bool holds_back = false;    // the plan's steps are under way: what is warm stays (bake.h)
  bool proves = false;        // what is new proves itself, beside an old one or alone (prove.h)
  Time since;                 // when this direction was taken; instances from before are not judged
  std::vector<Place> places;  // as plan.slots
  std::vector<Seat> seats;    // as view.instances

  int routed_ready(int slot, bool goal_only) const;
  bool is_complete() const;     // every goal has what is wanted by now routed-ready
  bool has_both_sides() const;  // what comes stands in the route beside what it replaces
  bool has_new_side() const;
  // Nobody answers a probe: a machine that stands still, or a check that fails for all at once. Who
  // answered before may answer yet, and a request that nobody is asked is lost for certain.
  // Requests that a swap parks are better off where they are.
  bool asks_the_unwell() const;
  int old_routable() const;  // of what is replaced, over all places
  bool is_rising() const;    // a new one has not its full share (slow_start.h) where old ones are
  // Counts in full: what rises does not where it takes an old one's place.  Steps set the shares
  // of whole sides, so that theirs do not rise; and nobody waits for it on the way back.
  bool has_full_share(const Seat& seat) const;
  int leaving_count() const;  // draining or stopping, over all places
  // Found gone in this step, so that its room is in the next view; nullptr: none is.
  const Seat* just_gone() const;
  bool frees_room() const;

 private:
  bool is_exchanged(const Seat& seat) const;  // its place is one where old ones are replaced
};

// How an instance that fails its probe before it ever passed is treated.
enum class Patience {
  none,  // it is told to stop at once: a rollout judges by it
  until_timeout,
};

// Sorts the view out and notes what happened by itself: passed probes, ended processes, finished
// drains, instances that never got ready.  Nothing is chosen here.
Scene make_scene(const View& view, Side goal_side, Time since, Patience patience);

// The group of that key on either side of the plan; nullptr when it is in none.
const model::Group* find_group(const model::Plan& plan, const std::string& key);

// When an instance that is still starting will be given up.
Time start_deadline(const View& view, const model::Instance& recorded);

void move_to(Seat& seat, model::Stage stage, model::Ending ending, std::string detail);

}  // namespace hitless::rollout
