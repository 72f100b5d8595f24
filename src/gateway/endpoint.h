// An Endpoint is one instance as one worker sees it: where it is, what is in flight to it, which
// connections wait to be used again.
//
// Owner: the worker's Table.  Thread: the worker's.  It outlives its place in the route table
// until its last lease is gone ("retired"); nothing new starts on a retired one.
#pragma once

#include <cstdint>

#include "gateway/circuit.h"
#include "gateway/upstream_pool.h"
#include "model/route.h"
#include "net/event_loop.h"
#include "net/socket.h"

namespace hitless::gateway {

struct Endpoint {
  model::InstanceId instance;
  Address address;
  net::SocketAddress socket_address;
  std::uint64_t number = 0;  // made of the instance's id, the same at every worker

  std::uint64_t in_flight = 0;         // leases
  std::uint64_t requests = 0;          // leases ever taken
  std::uint64_t connect_failures = 0;  // refused, or reset before an answer
  std::uint64_t circuit_opened = 0;    // times
  Circuit circuit;
  std::uint64_t adoption = 0;    // number of the last adoption that routed to it
  net::Instant suspect_until{};  // others are asked first until then
  std::uint64_t streams = 0;     // of those in flight
  bool retired = false;
  net::Instant retired_at{};
  bool changed = false;      // Counters' own
  bool closes_idle = false;  // it has closed a connection that we kept
  UpstreamPool idle;
  // How long the instance lets a connection idle, as its answers say; zero: it did not say.
  Duration keep_alive = Duration::zero();
};

}  // namespace hitless::gateway
