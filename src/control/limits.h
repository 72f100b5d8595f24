// Every limit of control, with its reason.  Named in docs/limits.md by a test.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace hitless::control {

// How far a report looks back before a change and on after it: enough requests for a p99 at ten a
// second, short enough that a user waits for it.
inline constexpr Duration k_report_window = std::chrono::seconds(5);

// A change that parked requests has ended when they go out, before they are answered: their
// answers are waited for as long as this, so that the report has them among what came during it.
inline constexpr Duration k_held_answers_wait = k_report_window;

// How often counters are kept for the look back.
inline constexpr Duration k_traffic_sample = std::chrono::seconds(1);

// How often totals of requests are written to the store while they change; what a crash of both
// serve and gateway can lose of them.
inline constexpr Duration k_traffic_save = std::chrono::seconds(5);

// The sentence of a waiting rollout counts seconds; it is written this often at most.
inline constexpr Duration k_why_interval = std::chrono::seconds(1);

// Evidence moves with each request; it is written this often at most.
inline constexpr Duration k_evidence_interval = std::chrono::seconds(1);

// When the store refuses to write (a full disk), it is tried again after this long.
inline constexpr Duration k_store_retry = std::chrono::seconds(1);

// An instance that the pool has no port or disk space for is tried again after this long.
inline constexpr Duration k_start_retry = std::chrono::seconds(1);

// An instance that the gateway cannot reach is asked at once, but only so often, however many
// requests meet that: a question costs about as much as a request.
inline constexpr Duration k_doubt_interval = std::chrono::milliseconds(100);
// Of each rollout's journal: what a change of a few hours with a sentence a second at its worst
// comes to, and what 128 instances may take of the disk.  Beyond either only changes of the phase
// are written, so that the story is told to its end.
inline constexpr std::int64_t k_journal_rows_max = 2000;
inline constexpr std::int64_t k_journal_bytes_max = 16 << 20;

// Ended instances of a service whose folders (logs) are kept.
inline constexpr std::size_t k_ended_kept = 10;

// Decisions in a row without the world having a chance to move; more is a defect of step().
inline constexpr int k_steps_per_pass = 64;

// Plans that are remembered to say what moved since: more than anyone reads before applying one.
inline constexpr std::size_t k_plans_kept = 64;

// The answer to a warm-up request: as much as a client of the model may get in one piece.
inline constexpr std::size_t k_warm_up_answer_bytes_max = 16 << 20;

// Samples of one step on each side at the most, whatever a policy asks for: a service without
// users need not be judged more finely.
inline constexpr std::uint64_t k_samples_max = 1000;

// For a sample's answer: longer than the gateway waits, so that it is the gateway who says and
// counts that none came.
inline constexpr Duration k_sample_timeout = std::chrono::seconds(60);

// An old side that has left so many samples in a row without an answer is asked no more: what is
// broken there does not hold up what shall take its place.
inline constexpr int k_samples_lost_max = 3;

// From a sample's answer until the gateway has told of it, at the latest.
inline constexpr Duration k_samples_counted = std::chrono::seconds(1);

// Importing: the engine's check of a package loads the whole model once.
inline constexpr Duration k_import_check_timeout = std::chrono::seconds(300);
// config.json is written by people; a megabyte of it is a mistake.
inline constexpr std::size_t k_config_bytes_max = 1 << 20;

}  // namespace hitless::control
