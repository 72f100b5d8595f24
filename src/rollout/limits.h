// The room's limits, each with its reason.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "model/rollout_policy.h"

namespace hitless::rollout {

// From "absent from the adopted table" to SIGTERM at the latest, unless streams have a longer
// budget.  Long calls run for half an hour and more; a rollout that waits costs one idle process, a
// cut answer costs a user.
inline constexpr Duration k_drain_budget = std::chrono::seconds(3600);

// So much longer than the budget of streams: a stream may begin as late as an answer may, and the
// gateway ends it politely before its instance is stopped.
inline constexpr Duration k_stream_parting = std::chrono::seconds(60);

// Exits of one group in one rollout that make it broken.  One may be chance (out of memory beside
// a neighbour that is leaving), three in a row of replacements are not.
inline constexpr int k_exits_max = 3;

// Wait before a replacement of what exited: doubled with each exit, so that a crash loop costs
// little and a single crash is repaired before anyone notices.
inline constexpr Duration k_backoff_first = std::chrono::milliseconds(100);
inline constexpr Duration k_backoff_max = std::chrono::seconds(30);

// Outside of a rollout, exits older than this are forgotten: long enough for the back-off to reach
// its cap and stay there while a crash loop lasts.
inline constexpr Duration k_exit_window = std::chrono::minutes(10);

// SIGTERM to SIGKILL for an instance whose group is in no slot of the plan any more (a superseded
// plan's).  The contract's default (rolling upgrade).
inline constexpr Duration k_grace_unknown = std::chrono::seconds(120);

// Up to this common multiple of instance counts, weights are split exactly; beyond
// it in this many parts of a percent point.  100 × 40 entries × this fits 32 bits.
inline constexpr std::uint64_t k_weight_parts = 1'000'000;

// Steps of a canary that names none: a tenth shows what is broken, half shows what load does, and a
// minute of each is a few scrapes of a person's attention.
inline constexpr std::array k_canary_steps = {model::BakeStep{10, std::chrono::seconds(60)},
                                              model::BakeStep{50, std::chrono::seconds(60)},
                                              model::BakeStep{100, Duration{}}};

// How long the old set of a blue/green change stays warm when nobody says: as long as each step of
// a canary; without it a bad version would have nothing to go back to.
inline constexpr Duration k_blue_green_bake = std::chrono::seconds(60);

// A service that nobody has called for so long has nothing to prove a new version by: many times
// the interval at which the gateway's counters are read, and short beside a start.
inline constexpr Duration k_quiet = std::chrono::seconds(1);

// How long a request may be parked while nothing serves: the first of these that leaves
// k_hold_margin times the measured start.  Few and coarse, so that a plan does not change with
// each measurement; ten minutes at the most, because no client we know waits longer.  For a start
// that was never measured the last one: too short a hold fails requests whose clients would have
// waited, and one that is too long costs them nothing, because they give up when they like.
inline constexpr std::array<Duration, 5> k_holds = {
    std::chrono::seconds(30), std::chrono::seconds(60), std::chrono::seconds(120),
    std::chrono::seconds(300), std::chrono::seconds(600)};
inline constexpr int k_hold_margin = 3;

}  // namespace hitless::rollout
