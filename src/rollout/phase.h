// The phases of a rollout and the edges between them, as data: what is not in k_edges never
// happens.  step() follows them, the property tests check every step against them, and
// ARCHITECTURE.md shows phase_picture().
#pragma once

#include <array>
#include <string>

#include "model/rollout.h"

namespace hitless::rollout {

struct Edge {
  model::Phase from;
  model::Phase to;
  const char* when;
};

inline constexpr const char* k_turns_round = "new side broken or worse, requests lost, or aborted";
inline constexpr const char* k_bakes = "a step has its weight, or the last old one is left";

inline constexpr std::array k_edges = {
    Edge{model::Phase::planned, model::Phase::starting, "first actions"},
    Edge{model::Phase::planned, model::Phase::rolling_back, k_turns_round},
    Edge{model::Phase::planned, model::Phase::superseded, "another change"},
    Edge{model::Phase::starting, model::Phase::shifting, "a new instance is routed"},
    Edge{model::Phase::starting, model::Phase::draining, "new side complete and adopted"},
    Edge{model::Phase::starting, model::Phase::rolling_back, k_turns_round},
    Edge{model::Phase::starting, model::Phase::superseded, "another change"},
    Edge{model::Phase::shifting, model::Phase::draining, "new side complete and adopted"},
    Edge{model::Phase::starting, model::Phase::baking, k_bakes},
    Edge{model::Phase::shifting, model::Phase::baking, k_bakes},
    Edge{model::Phase::shifting, model::Phase::rolling_back, k_turns_round},
    Edge{model::Phase::shifting, model::Phase::superseded, "another change"},
    Edge{model::Phase::baking, model::Phase::shifting, "baked or proved, goes on"},
    Edge{model::Phase::baking, model::Phase::draining, "baked or proved, the last of it"},
    Edge{model::Phase::baking, model::Phase::rolling_back, k_turns_round},
    Edge{model::Phase::baking, model::Phase::superseded, "another change"},
    Edge{model::Phase::draining, model::Phase::succeeded, "old side gone"},
    Edge{model::Phase::draining, model::Phase::rolling_back, k_turns_round},
    Edge{model::Phase::draining, model::Phase::superseded, "another change"},
    Edge{model::Phase::rolling_back, model::Phase::rolled_back, "old side complete, new side gone"},
    Edge{model::Phase::rolling_back, model::Phase::failed, "no way back, or it broke"},
    Edge{model::Phase::rolling_back, model::Phase::superseded, "another change"},
};

inline constexpr std::array k_phases = {
    model::Phase::planned,      model::Phase::starting,    model::Phase::shifting,
    model::Phase::baking,       model::Phase::draining,    model::Phase::succeeded,
    model::Phase::rolling_back, model::Phase::rolled_back, model::Phase::failed,
    model::Phase::superseded,
};

inline constexpr std::array k_terminal_phases = {
    model::Phase::succeeded,
    model::Phase::rolled_back,
    model::Phase::failed,
    model::Phase::superseded,
};

constexpr bool is_end(model::Phase phase) {
  for (const model::Phase end : k_terminal_phases) {
    if (end == phase) return true;
  }
  return false;
}

// Whether a rollout may go from one phase to the other in one step; staying is always allowed.
constexpr bool may_follow(model::Phase from, model::Phase to) {
  if (from == to) return true;
  for (const Edge& edge : k_edges) {
    if (edge.from == from && edge.to == to) return true;
  }
  return false;
}

namespace detail {

constexpr bool has_entry(model::Phase phase) {
  for (const Edge& edge : k_edges) {
    if (edge.to == phase) return true;
  }
  return false;
}

constexpr bool has_exit(model::Phase phase) {
  for (const Edge& edge : k_edges) {
    if (edge.from == phase) return true;
  }
  return false;
}

// k_phases is in such an order that an edge into a phase comes from an earlier one, so having an
// entry is being reachable.
constexpr bool entry_from_earlier(std::size_t index) {
  for (std::size_t earlier = 0; earlier < index; ++earlier) {
    if (k_phases[earlier] != k_phases[index] && may_follow(k_phases[earlier], k_phases[index]))
      return true;
  }
  return false;
}

constexpr bool all_reachable() {
  for (std::size_t index = 1; index < k_phases.size(); ++index) {
    if (!has_entry(k_phases[index]) || !entry_from_earlier(index)) return false;
  }
  return !has_entry(model::Phase::planned);
}

constexpr bool exits_only_from_open_phases() {
  for (const model::Phase phase : k_phases) {
    if (has_exit(phase) == is_end(phase)) return false;
  }
  return true;
}

}  // namespace detail

static_assert(detail::all_reachable(), "every phase but the first can be reached from it");
static_assert(detail::exits_only_from_open_phases(), "terminal phases have no exits, others have");

// The edges as text, one line a phase, for people and ARCHITECTURE.md.
std::string phase_picture();

}  // namespace hitless::rollout
