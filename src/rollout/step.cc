#include "rollout/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "rollout/bake.h"
#include "rollout/forward.h"
#include "rollout/limits.h"
#include "rollout/phase.h"
#include "rollout/route.h"
#include "rollout/settle.h"
#include "rollout/slow_start.h"
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
  std::optional<model::Evidence> evidence;
};

Starts starts_of(const Turn& turn) {
  const View& view = *turn.scene.view;
  const bool back = turn.scene.goal_side == Side::from;
  if (!back && view.orders.paused_at) return Starts::paused;
  return back && turn.broken && !turn.scene.is_complete() ? Starts::given_up : Starts::allowed;
}

Turn take_turn(const View& view, Side goal_side, Time since) {
  Turn turn;
  turn.scene = make_scene(view, goal_side, since, Patience::none);
  turn.broken = find_broken(turn.scene);
  // Before anything is chosen: what came in came while the old ones that leave now still served.
  turn.evidence = goal_side == Side::to ? look(turn.scene) : view.evidence;
  turn.settled = settle(turn.scene, starts_of(turn));
  if (!turn.broken) turn.broken = find_stalled(turn.scene, turn.settled);
  return turn;
}

// Given up: nothing is started any more, and what was on its way out has gone.
bool has_settled_down(const Scene& scene) {
  return std::all_of(scene.seats.begin(), scene.seats.end(),
                     [](const Seat& seat) { return seat.is_gone() || seat.stage == Stage::ready; });
}

Phase next_back(const Turn& turn) {
  if (is_done(turn.scene, turn.broken.has_value())) {
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
    wanted += place.count;
    there += std::min(place.count, scene.routed_ready(static_cast<int>(index), true));
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
  const bool stands_still = view.orders.paused_at && scene.goal_side == Side::to;
  std::optional<Time> wake_at;
  for (const Seat& seat : scene.seats) {
    const model::Instance& recorded = seat.seen->recorded;
    if (seat.stage == Stage::starting) {
      const Time deadline = start_deadline(view, recorded);
      if (deadline != Time::max() && !stands_still) consider(wake_at, deadline);
    } else if (seat.stage == Stage::draining && seat.seen->in_flight > 0) {
      const Time began = seat.is_moved() ? view.now : recorded.stage_at;
      if (began + view.plan.drain_budget > view.now)
        consider(wake_at, began + view.plan.drain_budget);
    } else if (seat.is_routable()) {
      consider(wake_at, next_level_at(view, recorded));
    }
  }
  for (const StartInstance& start : settled.starts) {
    const model::Group* group = find_group(view.plan, start.group);
    if (!stands_still) consider(wake_at, view.now + group->deploy_timeout);
  }
  for (const Shortfall& shortfall : settled.shortfalls) consider(wake_at, shortfall.backoff_till);
  consider(wake_at, settled.retry_at);
  return wake_at;
}

// Plans with steps say who gets how much; the others leave it to the instances.
std::optional<int> goal_percent(const Scene& scene, const Next& next) {
  const View& view = *scene.view;
  if (!is_stepped(view.plan) || is_end(view.phase)) return std::nullopt;
  const bool turned = next.phase == Phase::draining || next.phase == Phase::succeeded;
  if (turned || scene.goal_side == Side::from) return 100;
  return weight_in(view.plan, next.step, next.phase);
}

Decision decide(const Turn& turn, const Next& next, Weights weights) {
  const View& view = *turn.scene.view;
  Decision decision;
  decision.phase = next.phase;
  decision.step = next.step;
  decision.baking_at = next.baking_at;
  decision.evidence = view.evidence;
  take_moves(turn.scene, decision);
  decision.starts = turn.settled.starts;
  decision.route = route_of(turn.scene, weights, goal_percent(turn.scene, next));
  decision.wake_at = nearest_deadline(turn.scene, turn.settled);
  decision.percent = percent_of(turn.scene);
  decision.lacks_room = !turn.scene.frees_room() &&
                        std::any_of(turn.settled.shortfalls.begin(), turn.settled.shortfalls.end(),
                                    [](const Shortfall& each) { return each.no_room; });
  return decision;
}

// Where a terminal phase left things.  Nothing moves any more.
Decision rest(const View& view) {
  const Side side = view.phase == Phase::succeeded ? Side::to : Side::from;
  const Scene scene = make_scene(view, side, Time::min(), Patience::until_timeout);
  Decision decision;
  decision.phase = view.phase;
  decision.step = view.step;
  decision.evidence = view.evidence;
  decision.reason = view.reason;
  decision.route = route_of(scene, Weights::goal);
  decision.why = end_of(view.plan, view.phase, view.reason, view.evidence);
  decision.percent = 100;
  return decision;
}

void finish(const View& view, Decision& decision) {
  if (is_end(decision.phase)) {
    decision.why = end_of(view.plan, decision.phase, decision.reason, decision.evidence);
    decision.percent = 100;
    decision.wake_at.reset();
  } else {
    decision.route.hold = view.plan.hold;
    if (decision.phase != view.phase) decision.wake_at = view.now;
  }
  HL_DCHECK(may_follow(view.phase, decision.phase));
}

Decision step_forward(const View& view, const Turn& turn) {
  const Next next = next_forward(turn.scene, turn.settled, turn.broken.has_value());
  const bool turned = next.phase == Phase::draining || next.phase == Phase::succeeded;
  Decision decision = decide(turn, next, turned ? Weights::goal : Weights::before);
  decision.evidence = turn.evidence;
  if (!view.orders.paused_at) consider(decision.wake_at, stall_deadline(turn.scene, turn.settled));
  consider(decision.wake_at, bake_wake_at(view, next));
  const bool proved = turn.evidence && turn.evidence->verdict == model::Verdict::good;
  if (turn.scene.proves && proved && !view.orders.paused_at) consider(decision.wake_at, view.now);
  decision.why = forward_text(turn.scene, turn.settled, next);
  finish(view, decision);
  return decision;
}

Decision step_back(const View& view, std::string reason, Time since) {
  const Turn turn = take_turn(view, Side::from, since);
  Next next{Phase::rolling_back, view.step, std::nullopt};
  if (view.phase == Phase::rolling_back) next.phase = next_back(turn);
  Decision decision = decide(turn, next, Weights::before);
  consider(decision.wake_at, stall_deadline(turn.scene, turn.settled));
  decision.reason = std::move(reason);
  if (decision.phase == Phase::failed && turn.broken && !turn.scene.is_complete()) {
    decision.reason += "; then " + *turn.broken;
  }
  const std::string wait = wait_of(turn.scene, turn.settled);
  decision.why = wait.empty() ? "rolling back" : "rolling back: " + wait;
  finish(view, decision);
  return decision;
}

// Why it turns round now; none: it goes on.
std::optional<std::string> find_reason(const View& view, const Turn& turn) {
  if (auto unwanted = find_unwanted(view, turn.evidence)) return unwanted;
  if (view.orders.paused_at || changes_weights_alone(turn.scene)) return std::nullopt;
  return turn.broken;
}

}  // namespace

Decision step(const View& view) {
  if (is_end(view.phase)) return rest(view);
  if (view.phase == Phase::rolling_back) return step_back(view, view.reason, view.phase_at);
  const Turn turn = take_turn(view, Side::to, Time::min());
  const std::optional<std::string> reason = find_reason(view, turn);
  if (!reason) return step_forward(view, turn);
  View turning = view;
  turning.evidence = turn.evidence;
  return step_back(turning, *reason, view.now);
}

Decision tend(const View& view, Side served) {
  Turn turn;
  turn.scene = make_scene(view, served, Time::min(), Patience::until_timeout);
  turn.settled = settle(turn.scene, Starts::allowed);
  Decision decision = decide(turn, {view.phase, view.step, view.baking_at}, Weights::goal);
  decision.reason = view.reason;
  decision.why = tend_text(turn.scene, turn.settled);
  return decision;
}

Duration grace_of(const model::Plan& plan, const std::string& group) {
  const model::Group* found = find_group(plan, group);
  return found != nullptr ? found->grace : k_grace_unknown;
}

}  // namespace hitless::rollout
