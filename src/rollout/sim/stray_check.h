// What a superseded change left: nobody wants it any more, so it must not get more of the traffic
// than it had.  Beside invariants.h, because it needs to know what was before.  Pure.
#pragma once

#include <string>
#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// Each broken promise in a sentence; empty: all hold.  For decisions of step(); `before` is the
// route that was published when the rollout began.
std::vector<std::string> check_strays(const View& view, const Decision& decision,
                                      const model::ServiceRoute& before);

}  // namespace hitless::rollout
