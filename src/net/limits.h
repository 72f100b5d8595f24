// Limits of the control side's HTTP that are no options of it, and why.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace hitless::net {

// Answers that go on for as long as their clients stay, at once in one server.  Each takes a
// descriptor and some tens of kilobytes; more are answered 503 and their clients ask now and then.
inline constexpr std::size_t k_streams_max = 512;

// One piece of such an answer, and what of it waits in memory for its reader: the state of the
// largest service is a tenth of it.
inline constexpr std::size_t k_stream_piece_bytes_max = 4 << 20;

// What a client may still send while it reads a stream: a stray line end.  More is a mistake.
inline constexpr std::size_t k_stream_input_bytes_max = 4096;

// One event of a stream that we read: as large as a piece that we write.
inline constexpr std::size_t k_event_bytes_max = 4 << 20;

// The head of the answer that begins a stream of events.
inline constexpr std::size_t k_event_head_bytes_max = 32 * 1024;

}  // namespace hitless::net
