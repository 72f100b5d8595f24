// Whether instances fit into a room, with the arithmetic as a sentence for people.  Internal; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rollout/step.h"

namespace hitless::rollout {

// So many instances of that size.
struct Demand {
  model::Resources needs;
  int count = 0;
};

// What of it does not fit, "3 × 512 MiB = 1536 MiB of memory are needed, 1024 MiB are free"; `are`
// is the last word.  None: everything fits.
std::optional<std::string> shortage(const Room& room, const std::vector<Demand>& demands,
                                    std::string_view are = "free");

// The room less what the demands take.
Room without(Room room, const std::vector<Demand>& demands);

}  // namespace hitless::rollout
