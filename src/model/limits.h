// Every limit of this room, with its reason.  Named in docs/limits.md by a test.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace hitless::model {

// Warm-up requests of a model version: one of each kind of call that it serves.
inline constexpr std::size_t k_warm_up_requests_max = 16;

// All their bodies together: a picture or some seconds of speech.  They are kept with the version
// and read with it.
inline constexpr std::size_t k_warm_up_bytes_max = 1 << 20;

// Header fields of one, their bytes, and those of its path: what any server takes.
inline constexpr std::size_t k_warm_up_headers_max = 32;
inline constexpr std::size_t k_warm_up_header_bytes_max = 4096;
inline constexpr std::size_t k_warm_up_path_bytes_max = 2048;

// Expected members of one answer; a whole array counts as one.
inline constexpr std::size_t k_warm_up_fields_max = 64;

// How long one may take: a first call may load weights and compile; ten minutes are no answer.
inline constexpr Duration k_warm_up_timeout = std::chrono::seconds(30);
inline constexpr Duration k_warm_up_timeout_max = std::chrono::seconds(600);

// How long a stream may outlive its instance's or its gateway's place, where its service does not
// say: speech and long answers run for half an hour and more.
inline constexpr Duration k_stream_drain = std::chrono::seconds(3600);

}  // namespace hitless::model
