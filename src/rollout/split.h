// How one slot's weight is divided between what comes and what leaves.  Internal to the room; pure.
#pragma once

#include <cstdint>

namespace hitless::rollout {

// One side: how many of its instances are ready, of how many.
struct Strength {
  std::int64_t ready = 0;
  std::int64_t count = 0;
};

// Parts of one weight, in lowest terms.
struct Split {
  std::int64_t goal = 0;
  std::int64_t other = 0;
  friend bool operator==(const Split&, const Split&) = default;
};

// `percent` to the goal; more if the other side is not strong enough for the rest, less if the goal
// is not for so much.  A side is strong enough for the part of its count that is ready.  If both
// together are not, every instance gets the same.
Split split_weight(Strength goal, Strength other, int percent);

// Every instance the same.
Split split_evenly(Strength goal, Strength other);

}  // namespace hitless::rollout
