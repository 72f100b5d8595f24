#include "rollout/slow_start.h"

#include <algorithm>

namespace hitless::rollout {
namespace {

// One that was never seen fully routed counts from when it got ready.
Time first_routed(const View& view, const model::Instance& recorded) {
  return recorded.routed_at.value_or(recorded.ready_at.value_or(view.now));
}

}  // namespace

int share_level(const View& view, const model::Instance& recorded) {
  const Duration whole = view.plan.slow_start;
  if (whole <= Duration{}) return k_full_share;
  const Duration age = std::clamp(view.now - first_routed(view, recorded), Duration{}, whole);
  return 1 + static_cast<int>((k_full_share - 1) * age.count() / whole.count());
}

Time full_share_at(const View& view, const model::Instance& recorded) {
  return first_routed(view, recorded) + view.plan.slow_start;
}

std::optional<Time> next_level_at(const View& view, const model::Instance& recorded) {
  const int level = share_level(view, recorded);
  if (level >= k_full_share) return std::nullopt;
  const std::int64_t risen = view.plan.slow_start.count() * level;
  constexpr std::int64_t k_rises = k_full_share - 1;
  return first_routed(view, recorded) + Duration((risen + k_rises - 1) / k_rises);
}

}  // namespace hitless::rollout
