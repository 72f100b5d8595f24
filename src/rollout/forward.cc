#include "rollout/forward.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
#include "rollout/prove.h"
#include "rollout/slow_start.h"
#include "rollout/verdict.h"
#include "rollout/why.h"

namespace hitless::rollout {
namespace {

using model::Phase;

// A goal instance of a slot that is being replaced is routed beside what leaves.
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

bool has_full_count(const Scene& scene) {
  for (std::size_t index = 0; index < scene.places.size(); ++index) {
    if (scene.routed_ready(static_cast<int>(index), true) < scene.places[index].count) return false;
  }
  return true;
}

// Nothing that leaves is left.
bool is_clear(const Scene& scene) {
  return std::all_of(scene.seats.begin(), scene.seats.end(), [](const Seat& seat) {
    return seat.is_gone() || (seat.goal && seat.is_alive());
  });
}

// Where no instance is exchanged, weights need not wait for one that is not well.
bool may_turn(const Scene& scene) {
  if (changes_weights_alone(scene)) return true;
  return !scene.holds_back && !scene.proves && !scene.is_rising() && scene.is_complete();
}

bool is_baked(const Scene& scene) {
  const View& view = *scene.view;
  const std::optional<Time> end = bake_end(view);
  return end && view.now >= *end && scene.is_complete() && view.adopted && silence_of(view).empty();
}

Next next_of_bake(const Scene& scene) {
  const View& view = *scene.view;
  Next next{view.phase, view.step, view.baking_at};
  if (!scene.holds_back) {
    next.phase = may_turn(scene) ? Phase::draining : Phase::shifting;
  } else if (!view.baking_at) {
    if (scene.is_complete() && view.adopted) next.baking_at = view.now;
  } else if (is_baked(scene)) {
    next.baking_at.reset();
    ++next.step;
    const bool last = next.step >= static_cast<int>(view.plan.steps.size());
    next.phase = last && has_full_count(scene) ? Phase::draining : Phase::shifting;
  }
  return next;
}

// The bake of a plan without steps.
Next next_of_proof(const Scene& scene) {
  const View& view = *scene.view;
  Next next{Phase::baking, view.step, view.baking_at};
  if (is_proving(view) && (scene.old_routable() > 0 || proves_alone(view.plan))) {
    if (!scene.proves) {
      next.baking_at.reset();  // the new side is gone: begins anew with the next one
    } else if (!view.baking_at) {
      next.baking_at = view.now;
    }
    return next;
  }
  next.baking_at.reset();
  next.step = 1;
  next.phase = may_turn(scene) ? Phase::draining : Phase::shifting;
  return next;
}

Phase next_of_shift(const Scene& scene, const Settled& settled, Phase phase) {
  if (may_turn(scene)) return Phase::draining;
  if (scene.holds_back && scene.is_complete()) return Phase::baking;
  if (scene.proves && (scene.is_complete() || settled.waits_for_proof)) return Phase::baking;
  return is_shifting(scene) ? Phase::shifting : phase;
}

std::string bake_text(const Scene& scene, const Next& next) {
  const View& view = *scene.view;
  if (next.step != view.step) return "baked";
  const std::optional<Time> wake_at = bake_wake_at(view, next);
  if (wake_at) return fmt::format("baking, {} left", time_left(view.now, *wake_at));
  const std::string silence = next.baking_at ? silence_of(view) : "";
  return silence.empty() ? "waiting for the gateway to adopt the new route" : silence;
}

std::string rise_text(const Scene& scene) {
  const View& view = *scene.view;
  Time full = view.now;
  for (const Seat& seat : scene.seats) {
    if (seat.is_routable() && !scene.has_full_share(seat))
      full = std::max(full, full_share_at(view, seat.seen->recorded));
  }
  return fmt::format("waiting for the share of the new instances to rise, {} left",
                     time_left(view.now, full));
}

}  // namespace

bool is_done(const Scene& scene, bool broken) {
  const bool serves = scene.is_complete() || (broken && changes_weights_alone(scene));
  return serves && is_clear(scene) && scene.view->adopted;
}

Next next_forward(const Scene& scene, const Settled& settled, bool broken) {
  const View& view = *scene.view;
  Next next{view.phase, view.step, view.baking_at};
  if (view.orders.paused_at) return next;
  switch (view.phase) {
    case Phase::planned: next.phase = Phase::starting; break;
    case Phase::starting:
    case Phase::shifting: next.phase = next_of_shift(scene, settled, view.phase); break;
    case Phase::baking: return proves(view.plan) ? next_of_proof(scene) : next_of_bake(scene);
    default: next.phase = is_done(scene, broken) ? Phase::succeeded : view.phase;
  }
  return next;
}

std::string forward_text(const Scene& scene, const Settled& settled, const Next& next) {
  const View& view = *scene.view;
  std::string text = wait_of(scene, settled);
  if (view.orders.paused_at) {
    const auto since = std::chrono::floor<std::chrono::seconds>(*view.orders.paused_at);
    const std::string pause = fmt::format("paused since {:%FT%TZ}", since);
    return settled.starts.empty() ? pause : pause + "; " + text;
  }
  if (next.phase == Phase::baking && proves(view.plan) && settled.starts.empty())
    return proof_text(view, next.baking_at);
  if (settled.waits_for_share || (text.empty() && scene.is_rising())) return rise_text(scene);
  if (!scene.holds_back)
    return text.empty() ? "waiting for the gateway to adopt the new route" : text;
  if (text.empty()) text = bake_text(scene, next);
  return step_text(view.plan, view.step) + ": " + text;
}

std::optional<Time> bake_wake_at(const View& view, const Next& next) {
  if (next.phase != Phase::baking || !next.baking_at || view.orders.paused_at) return std::nullopt;
  if (proves(view.plan)) return proof_wake_at(view, next.baking_at);
  const bool begins = !view.baking_at;
  const bool skipped = next.step < view.orders.skip;
  const auto index = static_cast<std::size_t>(std::max(0, next.step));
  if (index >= view.plan.steps.size()) return std::nullopt;
  const Time running = model::running_from(view.orders, *next.baking_at, view.now);
  const Time end = skipped ? view.now : running + view.plan.steps[index].bake;
  if (begins) return std::max(end, view.now);
  return end > view.now ? std::optional(end) : std::nullopt;
}

}  // namespace hitless::rollout
