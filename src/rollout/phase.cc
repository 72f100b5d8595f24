#include "rollout/phase.h"

#include <fmt/format.h>

namespace hitless::rollout {

std::string phase_picture() {
  std::string picture;
  for (const model::Phase phase : k_phases) {
    if (is_end(phase)) {
      picture += fmt::format("{:<13} (end)\n", model::to_text(phase));
      continue;
    }
    std::string_view name = model::to_text(phase);
    for (const Edge& edge : k_edges) {
      if (edge.from != phase) continue;
      picture += fmt::format("{:<13} ▶ {:<13} {}\n", name, model::to_text(edge.to), edge.when);
      name = "";
    }
  }
  return picture;
}

}  // namespace hitless::rollout
