#include "rollout/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/route.h"
#include "rollout/settle.h"
#include "rollout/verdict.h"
#include "rollout/why.h"

namespace hitless::rollout {
namespace {

using model::Phase;
using model::Stage;

// The view after everything that can be said about it in one direction.
struct Turn {
  Scene scene;
  Settled settled;
  std::optional<std::string> broken;
};

Turn take_turn(const View& view, Side goal_side, Time since) {
  Turn turn;
  turn.scene = make_scene(view, goal_side, since, Patience::none);
  turn.broken = find_broken(turn.scene);
  const bool give_up = goal_side == Side::from && turn.broken && !turn.scene.is_complete();
  turn.settled = settle(turn.scene, give_up ? Starts::given_up : Starts::allowed);
  if (!turn.broken) turn.broken = find_stalled(turn.scene, turn.settled);
  return turn;
}

// A goal instance of a slot that is being replaced takes traffic beside what leaves.
bool is_shifting(const Scene& scene) {
  for (std::size_t index = 0; index < scene.places.size(); ++index) {
    bool routed = false;
    bool leaving = false;
    for (const Seat& seat : scene.seats) {
      if (seat.slot != static_cast<int>(index) || seat.is_gone()) continue;
      routed = routed || (seat.goal && seat.is_routed_ready());
      leaving = leaving || !seat.goal;
    }
    if (routed && leaving) return true;
  }
  return false;
}

// Nothing that leaves is left.
bool is_clear(const Scene& scene) {
  return std::all_of(scene.seats.begin(), scene.seats.end(), [](const Seat& seat) {
    return seat.is_gone() || (seat.goal && seat.is_alive());
  });
}

bool is_done(const Turn& turn) {
  return turn.scene.is_complete() && is_clear(turn.scene) && turn.scene.view->adopted;
}

Phase next_forward(const Turn& turn, Phase phase) {
  switch (phase) {
    case Phase::planned: return Phase::starting;
    case Phase::starting:
      if (turn.scene.is_complete()) return Phase::draining;
      return is_shifting(turn.scene) ? Phase::shifting : Phase::starting;
    case Phase::shifting: return turn.scene.is_complete() ? Phase::draining : Phase::shifting;
    default: return is_done(turn) ? Phase::succeeded : phase;
  }
}

// Given up: nothing is started any more, and what was on its way out has gone.
bool has_settled_down(const Scene& scene) {
  return std::all_of(scene.seats.begin(), scene.seats.end(),
                     [](const Seat& seat) { return seat.is_gone() || seat.stage == Stage::ready; });
}

Phase next_back(const Turn& turn) {
  if (is_done(turn)) {
    return turn.scene.view->plan.from != 0 ? Phase::rolled_back : Phase::failed;
  }
  const bool given_up = turn.broken && !turn.scene.is_complete();
  return given_up && has_settled_down(turn.scene) ? Phase::failed : Phase::rolling_back;
}

void take_moves(const Scene& scene, Decision& decision) {
  for (const Seat& seat : scene.seats) {
    if (!seat.is_moved()) continue;
    decision.moves.push_back({.id = seat.seen->recorded.id,
                              .stage = seat.stage,
                              .ending = seat.ending,
                              .detail = seat.detail,
                              .grace = grace_of(scene.view->plan, seat.seen->recorded.group)});
  }
}

int percent_of(const Scene& scene) {
  int wanted = 0;
  int there = 0;
  int leaving = 0;
  for (std::size_t index = 0; index < scene.places.size(); ++index) {
    const Place& place = scene.places[index];
    wanted += place.wanted;
    there += std::min(place.wanted, scene.routed_ready(static_cast<int>(index), true));
  }
  for (const Seat& seat : scene.seats) leaving += !seat.goal && !seat.is_gone() ? 1 : 0;
  const int all = wanted + leaving;
  return all == 0 ? 99 : std::min(99, 100 * there / all);
}

void consider(std::optional<Time>& wake_at, std::optional<Time> time) {
  if (time && (!wake_at || *time < *wake_at)) wake_at = time;
}

std::optional<Time> nearest_deadline(const Scene& scene, const Settled& settled) {
  const View& view = *scene.view;
  std::optional<Time> wake_at;
  for (const Seat& seat : scene.seats) {
    const model::Instance& recorded = seat.seen->recorded;
    if (seat.stage == Stage::starting) {
      const Time deadline = start_deadline(view, recorded);
      if (deadline != Time::max()) consider(wake_at, deadline);
    } else if (seat.stage == Stage::draining && seat.seen->in_flight > 0) {
      const Time began = seat.is_moved() ? view.now : recorded.stage_at;
      if (began + view.plan.drain_budget > view.now)
        consider(wake_at, began + view.plan.drain_budget);
    }
  }
  for (const StartInstance& start : settled.starts) {
    const model::Group* group = find_group(view.plan, start.group);
    consider(wake_at, view.now + group->deploy_timeout);
  }
  for (const Shortfall& shortfall : settled.shortfalls) consider(wake_at, shortfall.backoff_till);
  return wake_at;
}

Decision decide(const Turn& turn, Phase phase, Weights weights) {
  Decision decision;
  decision.phase = phase;
  take_moves(turn.scene, decision);
  decision.starts = turn.settled.starts;
  decision.route = route_of(turn.scene, weights);
  decision.wake_at = nearest_deadline(turn.scene, turn.settled);
  decision.percent = percent_of(turn.scene);
  decision.why = wait_of(turn.scene, turn.settled);
  return decision;
}

// Where a terminal phase left things.  Nothing moves any more.
Decision rest(const View& view) {
  const Side side = view.phase == Phase::succeeded ? Side::to : Side::from;
  const Scene scene = make_scene(view, side, Time::min(), Patience::until_timeout);
  Decision decision;
  decision.phase = view.phase;
  decision.reason = view.reason;
  decision.route = route_of(scene, Weights::goal);
  decision.why = end_of(view.plan, view.phase, view.reason);
  decision.percent = 100;
  return decision;
}

void finish(const View& view, Decision& decision) {
  if (is_end(decision.phase)) {
    decision.why = end_of(view.plan, decision.phase, decision.reason);
    decision.percent = 100;
    decision.wake_at.reset();
  } else if (decision.phase != view.phase) {
    decision.wake_at = view.now;
  }
  HL_DCHECK(may_follow(view.phase, decision.phase));
}

Decision step_forward(const View& view, const Turn& turn) {
  const Phase phase = next_forward(turn, view.phase);
  const bool committed = phase == Phase::draining || phase == Phase::succeeded;
  Decision decision = decide(turn, phase, committed ? Weights::goal : Weights::before);
  consider(decision.wake_at, stall_deadline(turn.scene, turn.settled));
  if (decision.why.empty()) decision.why = "waiting for the gateway to adopt the new route";
  finish(view, decision);
  return decision;
}

Decision step_back(const View& view, std::string reason, Time since) {
  const Turn turn = take_turn(view, Side::from, since);
  Decision decision = decide(turn, Phase::rolling_back, Weights::before);
  consider(decision.wake_at, stall_deadline(turn.scene, turn.settled));
  decision.reason = std::move(reason);
  if (view.phase == Phase::rolling_back) decision.phase = next_back(turn);
  if (decision.phase == Phase::failed && turn.broken && !turn.scene.is_complete()) {
    decision.reason += "; then " + *turn.broken;
  }
  decision.why = decision.why.empty() ? "rolling back" : "rolling back: " + decision.why;
  finish(view, decision);
  return decision;
}

}  // namespace

Decision step(const View& view) {
  if (is_end(view.phase)) return rest(view);
  if (view.phase == Phase::rolling_back) return step_back(view, view.reason, view.phase_at);
  const Turn turn = take_turn(view, Side::to, Time::min());
  if (turn.broken) return step_back(view, *turn.broken, view.now);
  return step_forward(view, turn);
}

Decision tend(const View& view, Side served) {
  Turn turn;
  turn.scene = make_scene(view, served, Time::min(), Patience::until_timeout);
  turn.settled = settle(turn.scene, Starts::allowed);
  Decision decision = decide(turn, view.phase, Weights::goal);
  decision.reason = view.reason;
  decision.why = tend_text(turn.scene, turn.settled);
  return decision;
}

Duration grace_of(const model::Plan& plan, const std::string& group) {
  const model::Group* found = find_group(plan, group);
  return found != nullptr ? found->grace : k_grace_unknown;
}

}  // namespace hitless::rollout
