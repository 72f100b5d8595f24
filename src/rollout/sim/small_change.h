// The changes that the small worlds (small_world.h) are made of: for each kind what serves, what
// shall serve, and how it is planned.  For tests alone.  Values; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rollout/plan.h"

namespace hitless::rollout {

// "slow" is "replace" with a slow start; "quarters" is "replace" with surge and unavailable as
// quarters of the count.  "add" adds a second entry beside.  The pools of the last three are known
// to the plan: `surge` is the room that they have beside what serves.
inline constexpr std::string_view k_small_kinds[] = {
    "replace",         "quarters", "scale", "deploy", "stop",         "add",
    "canary",          "swap",     "slow",  "tight",  "canary_tight", "blue_green",
    "blue_green_tight"};

struct SmallChange {
  std::string kind;
  int from = 1, to = 1, surge = 1, unavailable = 0;

  std::string text() const;
  bool has_meaning() const;
  bool knows_pool() const { return kind.ends_with("tight"); }
  bool is_replacing() const { return kind != "scale" && kind != "deploy" && kind != "stop"; }
  int capacity() const { return knows_pool() ? from + surge : 100; }

  model::ServiceId service() const { return model::ServiceId("5e3d1c7a-0000"); }
  model::Revision revise(model::RevisionNumber number, const char* model_id, int count) const;
  // What it changes to; none: it stops.
  std::optional<model::Revision> aim(model::RevisionNumber number) const;
  // The knobs of canaries are their own: the planner would give them as much as fits.
  void limit(model::Plan& plan) const;

  // What the planner must refuse it with, reckoned without the planner; empty: it must take it.
  std::string refusal() const;
};

}  // namespace hitless::rollout
