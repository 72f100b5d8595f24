// Every limit of the gateway, with its reason.  Named in docs/limits.md by a test.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace hitless::gateway {

// Gateways that wait to take over from the one that runs; more is a script gone wrong.
inline constexpr std::size_t k_successors_waiting_max = 8;
// From the descriptors to the table adopted by all workers of the new gateway: 10,000 services take
// a second or two on a busy machine.
inline constexpr Duration k_successor_patience = std::chrono::seconds(20);

// A worker's share of what may wait for the disk: some thousand requests.  Beyond it lines are
// dropped and counted; a chunk is what is written in one piece.
inline constexpr std::size_t k_access_chunk_bytes = 64 * 1024;
inline constexpr std::size_t k_access_chunks_per_worker = 8;
// Of a path in the access record: longer ones are cut, the target itself may have 32 KiB.
inline constexpr std::size_t k_access_path_bytes_max = 1024;

// Who asks for metrics: some scrapers, each with one short question and time to take the answer.
inline constexpr std::size_t k_admin_connections_max = 32;
inline constexpr std::size_t k_admin_head_bytes_max = 8 * 1024;
inline constexpr Duration k_admin_patience = std::chrono::seconds(10);
// What a worker may take to say how many connections it has, before it is left out.
inline constexpr Duration k_metrics_patience = std::chrono::seconds(2);
// Services with metrics of their own; each has some sixty-five series a revision.
inline constexpr std::size_t k_metrics_services_max = 1000;
// An endpoint's open circuit doubles its time with each trial that fails, up to this or to what the
// service says if that is longer: an instance that is well again is found within a minute.
inline constexpr Duration k_circuit_open_max = std::chrono::seconds(60);

struct Limits {
  // Requests with larger heads are attacks or mistakes; nginx's default for large headers is 32
  // KiB.
  std::size_t head_bytes_max = 32 * 1024;
  // The contract's 12 MB (calling a service); larger answers 413.
  std::size_t body_bytes_max = 12 * 1024 * 1024;
  // A request that is kept up to this size can be sent again when it cannot have been taken.
  std::size_t replay_bytes_max = 1024 * 1024;
  // Loopback answers at once or never; a busy accept queue is given this long.
  Duration connect_timeout = std::chrono::seconds(2);
  // A client that opened a connection and does not finish its head is slow or hostile.
  Duration head_timeout = std::chrono::seconds(20);
  // A client that began a body and sends nothing of it for this long will not finish it.
  Duration body_stall_timeout = std::chrono::seconds(60);
  // Between requests on a kept connection.
  Duration idle_timeout = std::chrono::seconds(300);
  // The contract's 40 s from sending to the whole answer, as time to the answer's first byte, so
  // that streams may last.
  Duration first_byte_timeout = std::chrono::seconds(40);
  // A peer that takes no byte for this long while we have some is stuck.
  Duration write_stall_timeout = std::chrono::seconds(60);
  // An answer that has begun and sends nothing for this long has died without saying so.
  Duration stream_idle_timeout = std::chrono::seconds(1800);
  // Client connections over all workers: ten thousand that idle, and a fifth more because the
  // kernel spreads them unevenly over the workers.  With a descriptor limit of 20,000 that leaves
  // 8,000 for the instances' side; a request that finds none gets that of an idle client.
  std::size_t connections_max = 12'000;
  // When there are so many, those whose clients have kept us waiting for this long make room for
  // new ones: an unfinished head, an idle connection, a body that does not come, an answer that is
  // not read, in this order.  A client that means well needs a round trip or two.
  Duration crowded_patience = std::chrono::seconds(1);
  // Connections kept to one endpoint by one worker when nothing is in flight on them.
  std::size_t idle_upstream_max = 256;
  // Below the shortest usual idle timeout of model servers (uvicorn and node: 5 s), so that we
  // close an idle connection before the instance does.  An instance that says less in Keep-Alive is
  // heard.
  Duration upstream_idle_timeout = std::chrono::seconds(4);
  // A client that closes its sending side this soon after its request still reads; one that does
  // it later has lost interest, and its request is cancelled.
  Duration half_close_window = std::chrono::milliseconds(500);
  // What a client still sends when it has its answer is read and dropped for so long or so much,
  // because closing at once could destroy the answer on its way.
  Duration linger_timeout = std::chrono::seconds(2);
  std::size_t discard_bytes_max = 256 * 1024;
  // Request bytes that wait for the instance to take them, before the client is no longer read.
  std::size_t unsent_request_bytes_max = 64 * 1024;
  // Requests parked per service, over all workers, while no endpoint is ready, and how long unless
  // its route says otherwise: a rollout that stops the old instance first knows how long the new
  // one may take.
  std::size_t held_requests_max = 1024;
  std::size_t held_bytes_max = 64 * 1024 * 1024;
  Duration hold_timeout = std::chrono::seconds(10);
  // An instance that refused or reset a connection is asked after all others for so long: by then
  // `serve`, which was told at once, has looked at it, and a process that crashed is out of the
  // table.
  Duration suspect_time = std::chrono::seconds(1);
  // A request that every endpoint refused is tried again this often while it is held, should no
  // new table come first: a crash is answered by one within milliseconds.
  Duration refused_retry = std::chrono::milliseconds(50);
  // A gateway that is replaced closes the connections on which nothing is said, one after the other
  // over this long, so that their clients do not all come back at once.
  Duration leave_spread = std::chrono::seconds(10);
  // A stream whose budget is over is given so long to come to a place where it can be ended: the
  // end of an event or of a frame.  Whoever sends events sends them whole.
  Duration parting_patience = std::chrono::seconds(2);
  // What it has in progress may last so long, streams too: as long as a stream may say nothing.
  Duration leave_budget = std::chrono::seconds(1800);
  // HTTP/2: requests at once on one connection; RFC 9113 advises no fewer than 100.
  std::uint32_t http2_streams_max = 128;
  // What a client may send ahead of what the instances take: on one stream, which bounds the rate
  // of an upload to this much a round trip; and on all of a connection, which bounds its memory.
  std::uint32_t http2_stream_window_bytes = 256 * 1024;
  std::uint32_t http2_connection_window_bytes = 1024 * 1024;
  // Answers that wait for one client to take them, before nothing more is read for it: a client may
  // ask for many large answers and read none.
  std::size_t http2_unsent_bytes_max = 1024 * 1024;
  // Frames of one head after its first: with our head_bytes_max two are enough; many small ones are
  // the CONTINUATION flood.
  std::size_t http2_continuations_max = 8;
  // Streams that end before their answer because of the client, at once and per second over time:
  // one who leaves cancels what is open, an attacker opens and cancels without end (rapid reset).
  std::size_t http2_resets_burst = 500;
  std::size_t http2_resets_per_second = 50;
  // Frames in a row that neither ask for anything nor carry anything (PING, SETTINGS, PRIORITY,
  // empty DATA, WINDOW_UPDATE while nothing is sent): keep-alives are a few.
  std::size_t http2_idle_frames_max = 1000;
  // A connection that is told to end is given this long to say that it has heard it, so that
  // requests on their way are still served; more than a round trip to anywhere.
  Duration http2_goaway_wait = std::chrono::seconds(1);
  // TLS: from the accepted connection to the end of its handshake.
  Duration tls_handshake_timeout = std::chrono::seconds(10);
};

}  // namespace hitless::gateway
