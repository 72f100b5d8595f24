// What the store keeps, and for how long.
#pragma once

#include "base/clock.h"

namespace hitless::store {

// Gone instances kept a service, newest by ordinal: enough to see a crash loop's history.  Those
// of the rollout under way are kept besides, because the rollout counts them.
inline constexpr int k_gone_kept = 100;

// The contract's one month for events of services and three for those of models.
inline constexpr Duration k_service_events_kept = std::chrono::days(31);
inline constexpr Duration k_model_events_kept = std::chrono::days(92);

// Rollouts of a service whose journals are kept: the one that is stuck and those before it that
// went well to compare it with.  Beyond these the newest that went wrong, which somebody may yet
// ask for.
inline constexpr int k_journals_kept = 5;

// Generations reserved by one write: a publication must not wait for the disk, and a crash skips
// at most this many numbers out of 2^63.
inline constexpr int k_generations_reserved = 1000;

// One process owns the database, so whoever else holds its lock is not about to let go.
inline constexpr std::chrono::milliseconds k_busy_wait(250);

// Newest starts of a model version whose median is what a start takes: enough that one slow start
// does not count, few enough that a faster disk shows soon.
inline constexpr int k_starts_measured = 9;

}  // namespace hitless::store
