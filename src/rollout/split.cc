#include "rollout/split.h"

#include <algorithm>
#include <numeric>

namespace hitless::rollout {
namespace {

Split lowest(std::int64_t goal, std::int64_t other) {
  const std::int64_t divisor = std::max<std::int64_t>(1, std::gcd(goal, other));
  return {goal / divisor, other / divisor};
}

}  // namespace

Split split_evenly(Strength goal, Strength other) {
  return lowest(goal.ready, other.ready);
}

Split split_weight(Strength goal, Strength other, int percent) {
  if (goal.ready <= 0 || other.ready <= 0 || goal.count <= 0 || other.count <= 0)
    return split_evenly(goal, other);
  const std::int64_t ready = std::min(goal.ready, goal.count);
  const std::int64_t lost = std::max<std::int64_t>(0, other.count - other.ready);
  // As fractions: lost / other.count ≤ goal's part ≤ ready / goal.count.
  if (lost * goal.count > ready * other.count) return split_evenly(goal, other);
  if (percent * other.count < 100 * lost) return lowest(lost, other.count - lost);
  if (percent * goal.count > 100 * ready) return lowest(ready, goal.count - ready);
  return lowest(percent, 100 - percent);
}

}  // namespace hitless::rollout
