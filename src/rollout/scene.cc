#include "rollout/scene.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/prove.h"
#include "rollout/slow_start.h"
#include "rollout/strays.h"

namespace hitless::rollout {
namespace {

using model::Ending;
using model::Stage;

Place make_place(const model::Slot& slot, Side goal_side) {
  const int n_from = slot.from ? slot.from->count : 0;
  const int n_to = slot.to ? slot.to->count : 0;
  const auto& goal = goal_side == Side::to ? slot.to : slot.from;
  const auto& other = goal_side == Side::to ? slot.from : slot.to;
  Place place;
  place.goal = goal ? &*goal : nullptr;
  if (other && !(goal && goal->key == other->key)) place.leaving = &*other;
  place.added = goal && !other;
  place.count = goal ? goal->count : 0;
  place.wanted = place.count;
  place.floor = slot.from && slot.to ? std::max(0, std::min(n_from, n_to) - slot.unavailable) : 0;
  place.carried = slot.to ? std::min(n_from, n_to) : n_from;
  place.ceiling = std::max(n_from, n_to) + slot.surge;
  return place;
}

// What a step of this weight wants of it.  Instances that stay are not the step's concern.
void narrow(Place& place, int weight) {
  if (place.goal == nullptr) return;
  if (place.leaving != nullptr) place.kept = model::part_of(place.leaving->count, 100 - weight);
  if (place.leaving != nullptr || place.added) place.wanted = model::part_of(place.count, weight);
}

void find_place(const Scene& scene, Seat& seat) {
  const std::string& group = seat.seen->recorded.group;
  for (std::size_t index = 0; index < scene.places.size(); ++index) {
    const Place& place = scene.places[index];
    const bool goal = place.goal != nullptr && place.goal->key == group;
    if (goal || (place.leaving != nullptr && place.leaving->key == group)) {
      seat.slot = static_cast<int>(index);
      seat.goal = goal;
      return;
    }
  }
  seat.slot = slot_of_stray(scene.view->plan, seat.seen->recorded.entry);
  seat.stray = true;
}

void note_starting(const View& view, Seat& seat, Patience patience) {
  const InstanceView& seen = *seat.seen;
  if (seen.process == Process::exited) {
    return move_to(seat, Stage::gone, Ending::exited, seen.process_detail);
  }
  if (seen.process == Process::running && seen.probe == Probe::passing) {
    return move_to(seat, Stage::ready, Ending::none, "");
  }
  if (seen.probe == Probe::failing && patience == Patience::none) {
    return move_to(seat, Stage::stopping, Ending::never_ready, seen.probe_detail);
  }
  if (view.now >= start_deadline(view, seen.recorded)) {
    move_to(seat, Stage::stopping, Ending::never_ready,
            seen.probe_detail.empty()
                ? "not ready within its deploy timeout"
                : "not ready within its deploy timeout: " + seen.probe_detail);
  }
}

void note_draining(const View& view, Seat& seat) {
  const InstanceView& seen = *seat.seen;
  if (seen.process != Process::running) {
    return move_to(seat, Stage::gone, Ending::exited, seen.process_detail);
  }
  const bool over = view.now >= seen.recorded.stage_at + view.plan.drain_budget;
  if (seen.routing == Routing::none && (seen.in_flight == 0 || over)) {
    move_to(seat, Stage::stopping, Ending::retired,
            seen.in_flight == 0 ? "" : fmt::format("requests cut: {}", seen.in_flight));
  }
}

void take_note(const View& view, Seat& seat, Patience patience) {
  const InstanceView& seen = *seat.seen;
  switch (seen.recorded.stage) {
    case Stage::starting: return note_starting(view, seat, patience);
    case Stage::ready:
      if (seen.process == Process::running) return;
      return move_to(seat, Stage::gone, Ending::exited,
                     seen.process == Process::exited ? seen.process_detail : "lost by its pool");
    case Stage::draining: return note_draining(view, seat);
    case Stage::stopping:
      if (seen.process == Process::running) return;
      return move_to(seat, Stage::gone, seen.recorded.ending, seen.recorded.detail);
    case Stage::gone: return;
  }
}

}  // namespace

void move_to(Seat& seat, Stage stage, Ending ending, std::string detail) {
  seat.stage = stage;
  seat.ending = ending;
  seat.detail = std::move(detail);
}

const model::Group* find_group(const model::Plan& plan, const std::string& key) {
  for (const model::Slot& slot : plan.slots) {
    if (slot.to && slot.to->key == key) return &*slot.to;
    if (slot.from && slot.from->key == key) return &*slot.from;
  }
  return nullptr;
}

Time start_deadline(const View& view, const model::Instance& recorded) {
  const model::Group* group = find_group(view.plan, recorded.group);
  if (group == nullptr) return Time::max();
  const Time begin = std::max(recorded.created_at, view.watched_since);
  return model::running_from(view.orders, begin, view.now) + group->deploy_timeout;
}

Scene make_scene(const View& view, Side goal_side, Time since, Patience patience) {
  Scene scene;
  scene.view = &view;
  scene.goal_side = goal_side;
  scene.since = since;
  scene.holds_back = goal_side == Side::to && holds_back(view);
  for (const model::Slot& slot : view.plan.slots) {
    scene.places.push_back(make_place(slot, goal_side));
    if (scene.holds_back) narrow(scene.places.back(), step_weight(view.plan, view.step));
  }
  for (const InstanceView& seen : view.instances) {
    Seat seat;
    seat.seen = &seen;
    move_to(seat, seen.recorded.stage, seen.recorded.ending, seen.recorded.detail);
    find_place(scene, seat);
    take_note(view, seat, patience);
    scene.seats.push_back(std::move(seat));
  }
  const bool can_prove =
      scene.has_both_sides() || (proves_alone(view.plan) && scene.has_new_side());
  scene.proves = goal_side == Side::to && can_prove && is_proving(view);
  return scene;
}

int Scene::routed_ready(int slot, bool goal_only) const {
  return static_cast<int>(std::count_if(seats.begin(), seats.end(), [&](const Seat& seat) {
    return seat.slot == slot && (seat.goal || !goal_only) && seat.is_routed_ready();
  }));
}

bool Scene::has_both_sides() const {
  return old_routable() > 0 && has_new_side();
}

bool Scene::has_new_side() const {
  return std::any_of(seats.begin(), seats.end(), [&](const Seat& seat) {
    return seat.goal && seat.is_routable() && is_exchanged(seat);
  });
}

bool Scene::asks_the_unwell() const {
  if (view->plan.strategy == model::Strategy::hold_and_swap && !is_end(view->phase)) return false;
  return std::none_of(seats.begin(), seats.end(),
                      [](const Seat& seat) { return seat.is_routable(); });
}

int Scene::old_routable() const {
  return static_cast<int>(std::count_if(seats.begin(), seats.end(), [&](const Seat& seat) {
    return !seat.goal && !seat.stray && seat.is_routable() && is_exchanged(seat);
  }));
}

bool Scene::is_exchanged(const Seat& seat) const {
  if (seat.slot < 0) return false;
  const Place& place = places[static_cast<std::size_t>(seat.slot)];
  return place.goal != nullptr && place.leaving != nullptr;
}

bool Scene::has_full_share(const Seat& seat) const {
  const bool rises = goal_side == Side::to && seat.goal && !is_stepped(view->plan);
  return !rises || share_level(*view, seat.seen->recorded) >= k_full_share;
}

bool Scene::is_rising() const {
  const auto is_there = [&](auto wanted) {
    return std::any_of(seats.begin(), seats.end(), [&](const Seat& seat) {
      return is_exchanged(seat) && seat.is_routable() && wanted(seat);
    });
  };
  return is_there([](const Seat& seat) { return !seat.goal; }) &&
         is_there([&](const Seat& seat) { return seat.goal && !has_full_share(seat); });
}

bool Scene::is_complete() const {
  for (std::size_t index = 0; index < places.size(); ++index) {
    if (routed_ready(static_cast<int>(index), true) < places[index].wanted) return false;
  }
  return true;
}

const Seat* Scene::just_gone() const {
  const auto found = std::find_if(seats.begin(), seats.end(), [](const Seat& seat) {
    return seat.is_gone() && seat.is_moved();
  });
  return found == seats.end() ? nullptr : &*found;
}

bool Scene::frees_room() const {
  return std::any_of(seats.begin(), seats.end(),
                     [](const Seat& seat) { return seat.frees_room(); });
}

int Scene::leaving_count() const {
  return static_cast<int>(std::count_if(seats.begin(), seats.end(),
                                        [](const Seat& seat) { return seat.is_leaving(); }));
}

}  // namespace hitless::rollout
