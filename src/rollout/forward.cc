#include "rollout/forward.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "rollout/bake.h"
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
  return !scene.holds_back && scene.is_complete();
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

Phase next_of_shift(const Scene& scene, Phase phase) {
  if (may_turn(scene)) return Phase::draining;
  if (scene.holds_back && scene.is_complete()) return Phase::baking;
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

}  // namespace

bool is_done(const Scene& scene, bool broken) {
  const bool serves = scene.is_complete() || (broken && changes_weights_alone(scene));
  return serves && is_clear(scene) && scene.view->adopted;
}

Next next_forward(const Scene& scene, bool broken) {
  const View& view = *scene.view;
  Next next{view.phase, view.step, view.baking_at};
  if (view.orders.paused_at) return next;
  switch (view.phase) {
    case Phase::planned: next.phase = Phase::starting; break;
    case Phase::starting:
    case Phase::shifting: next.phase = next_of_shift(scene, view.phase); break;
    case Phase::baking: return next_of_bake(scene);
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
  if (!scene.holds_back)
    return text.empty() ? "waiting for the gateway to adopt the new route" : text;
  if (text.empty()) text = bake_text(scene, next);
  return step_text(view.plan, view.step) + ": " + text;
}

std::optional<Time> bake_wake_at(const View& view, const Next& next) {
  if (next.phase != Phase::baking || !next.baking_at || view.orders.paused_at) return std::nullopt;
  const bool begins = !view.baking_at;
  const bool skipped = next.step < view.orders.skip;
  const auto index = static_cast<std::size_t>(std::max(0, next.step));
  if (index >= view.plan.steps.size()) return std::nullopt;
  const Time end = skipped ? view.now : *next.baking_at + view.plan.steps[index].bake;
  if (begins) return std::max(end, view.now);
  return end > view.now ? std::optional(end) : std::nullopt;
}

}  // namespace hitless::rollout
