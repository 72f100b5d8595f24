#include "rollout/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "rollout/limits.h"
#include "rollout/why.h"

namespace hitless::rollout {
namespace {

using model::Ending;

// Started by this rollout, since it goes in this direction, for this group.
bool is_judged(const Scene& scene, const Seat& seat, const model::Group& group) {
  const model::Instance& recorded = seat.seen->recorded;
  return recorded.group == group.key && recorded.rollout == scene.view->rollout &&
         recorded.created_at >= scene.since;
}

std::optional<std::string> find_broken(const Scene& scene, const model::Group& group) {
  int exits = 0;
  const Seat* last = nullptr;
  for (const Seat& seat : scene.seats) {
    if (!is_judged(scene, seat, group)) continue;
    if (seat.ending == Ending::never_ready) {
      return fmt::format("{} never became ready: {}", seat.seen->recorded.id.text(), seat.detail);
    }
    if (seat.is_gone() && seat.ending == Ending::exited) {
      ++exits;
      last = &seat;
    }
  }
  if (exits < k_exits_max) return std::nullopt;
  return fmt::format("{} instances of revision {} exited, the last one ({}) with {}", exits,
                     group.revision, last->seen->recorded.id.text(), last->detail);
}

}  // namespace

std::optional<std::string> find_broken(const Scene& scene) {
  for (const Place& place : scene.places) {
    if (place.goal == nullptr) continue;
    if (auto broken = find_broken(scene, *place.goal)) return broken;
  }
  return std::nullopt;
}

std::optional<Time> stall_deadline(const Scene& scene, const Settled& settled) {
  if (scene.is_complete()) return std::nullopt;
  const bool waits_for_room =
      std::any_of(settled.shortfalls.begin(), settled.shortfalls.end(),
                  [](const Shortfall& shortfall) { return shortfall.no_room; });
  if (waits_for_room && scene.leaving_count() > 0) return std::nullopt;
  Duration longest{};
  for (const Place& place : scene.places) {
    if (place.goal != nullptr) longest = std::max(longest, place.goal->deploy_timeout);
  }
  const View& view = *scene.view;
  return std::max({view.progress_at, view.phase_at, view.watched_since, scene.since}) + longest;
}

std::optional<std::string> find_stalled(const Scene& scene, const Settled& settled) {
  const std::optional<Time> deadline = stall_deadline(scene, settled);
  if (!deadline || scene.view->now < *deadline) return std::nullopt;
  const bool moves = std::any_of(scene.seats.begin(), scene.seats.end(),
                                 [](const Seat& seat) { return seat.is_moved(); });
  if (moves || !settled.starts.empty()) return std::nullopt;
  return lack_of(scene, settled);
}

}  // namespace hitless::rollout
