// What the API takes at most, and why.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace hitless::api {

// The contract's largest page (limits).
inline constexpr std::int64_t k_page_rows_max = 1000;

// Longer request ids are replaced, so that logs and headers stay readable.
inline constexpr std::size_t k_request_id_bytes_max = 128;

// Instances of one entry, and versions deleted by one cascade (contract: limits).
inline constexpr std::int64_t k_instances_max = 128;
inline constexpr std::int64_t k_cascade_max = 20;

// The console's 120 minutes for one instance to get ready.
inline constexpr std::int64_t k_deploy_timeout_seconds_max = 7200;

// A day from SIGTERM to SIGKILL: longer is a mistake in the unit.
inline constexpr std::int64_t k_grace_seconds_max = 24 * 3600;

// For max_surge and max_unavailable: more than any service has instances.
inline constexpr double k_allowance_max = 1000;

// The contract's preemption priorities are 1 to 3.
inline constexpr std::int64_t k_priority_max = 3;

// Documents of a model (contract: limits).
inline constexpr std::size_t k_model_docs_max = 3;

// Characters of names and descriptions (contract: limits).
inline constexpr std::size_t k_name_chars_max = 64;
inline constexpr std::size_t k_description_chars_max = 100;

// Why a user orders something: a sentence or two, kept with the rollout for good.
inline constexpr std::size_t k_reason_bytes_max = 1000;

// Of the body of a warm-up request in the details of a model: what a person reads; of larger ones
// they tell the size.
inline constexpr std::size_t k_warm_up_body_shown_max = 4 * 1024;

// The end of an instance's log: some screens full unless asked, at most what a browser shows.
inline constexpr std::int64_t k_log_bytes_default = 64 * 1024;
inline constexpr std::int64_t k_log_bytes_max = 16 * 1024 * 1024;

// Changes of a watched rollout that come within it are told together: ten times a second is as live
// as anyone can read.
inline constexpr Duration k_stream_pause = std::chrono::milliseconds(100);

// A stream without news says so this often: below the usual idle timeouts of proxies (60 s).
inline constexpr Duration k_stream_heartbeat = std::chrono::seconds(15);

// How long the end of a rollout waits for its report: control looks at 5 s of traffic after it, and
// not at all when the next change begins before.  Where nobody calls a service that starts or
// stops, for as long as it takes to write it.
inline constexpr Duration k_report_wait = std::chrono::seconds(10);
inline constexpr Duration k_quiet_report_wait = std::chrono::milliseconds(500);

// When the store cannot be read, a watched rollout is looked at again after this long.
inline constexpr Duration k_stream_retry = std::chrono::seconds(1);

}  // namespace hitless::api
