// Which instances to start and which to let go, slot by slot: the arithmetic that step and tend
// share.  Internal to the room; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rollout/scene.h"

namespace hitless::rollout {

// What one slot still lacks and what keeps it from going on.
struct Shortfall {
  int slot = 0;
  int missing = 0;                   // instances not even started
  bool no_room = false;              // the pool keeps them from it
  bool no_allowance = false;         // ceiling and floor do
  std::optional<Time> backoff_till;  // a replacement waits for this
};

struct Settled {
  std::vector<StartInstance> starts;
  std::vector<Shortfall> shortfalls;  // of slots that have one
  std::optional<Time> retry_at;       // of what leaves and is kept up meanwhile
  bool waits_for_proof = false;       // the last old one would leave next (prove.h)
  bool waits_for_share = false;       // an old one would, but for new ones whose share rises
};

enum class Starts {
  allowed,
  given_up,  // nothing is started any more, and what is not ready leaves
  paused,    // nothing is started or leaves, but for a floor
};

// Marks seats as draining, stopping or ready again, and says what to start.
//
// Order of preference, slot by slot: take back what is only draining; let go what is not needed and
// not ready; start what ceiling, room and back-off allow; then let go as many old instances as
// stand in the way of the next start, as the floor allows.  Once the scene is complete, and holds
// nothing back, everything else goes; not in `planned` yet, so that the weights turn in the same
// route.  While steps are under way what a superseded plan left goes first, and what leaves is kept
// up to what its weight needs.
Settled settle(Scene& scene, Starts starts);

// Exits of the group that count toward its back-off.
struct Exits {
  int count = 0;
  Time last = Time::min();
};
Exits exits_of(const Scene& scene, const model::Group& group);

// When the group may start its next instance, after its recent exits; none: at once.
std::optional<Time> backoff_till(const Scene& scene, const model::Group& group);

}  // namespace hitless::rollout
