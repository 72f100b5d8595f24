// What a gateway stands on, and hands on whole to the one that takes its place: descriptors that
// are shared rather than opened again, so that no connection is ever refused in between.
//
// Made before the gateway's threads, by whoever starts it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "gateway/control_frames.h"
#include "gateway/options.h"

namespace hitless::gateway {

struct Footing {
  UniqueFd lock;                        // held by every process that has it; tells that one lives
  UniqueFd control;                     // listens for control
  UniqueFd successors;                  // listens for the gateway that shall take over
  std::vector<UniqueFd> listeners;      // for clients, one a worker
  Address address;                      // of those, with the real port
  std::vector<UniqueFd> tls_listeners;  // … for clients over TLS
  std::optional<TlsOptions> tls;        // of those, with the real port
  std::string counts;                   // id of what is counted, see GatewayHello
  UniqueFd predecessor;  // the link to the gateway it is taken from; empty: there is none
  pid_t predecessor_pid = 0;
  std::string predecessor_version;
  std::optional<Signals> signals;  // the predecessor's
};

// Where a gateway listens for its successor.
std::filesystem::path successor_socket(const std::filesystem::path& control_socket);

// A first gateway's.  conflict when another one lives.
Result<Footing> found_footing(const GatewayOptions& options);

// That of the gateway that runs, which goes on as before until it is told more over `predecessor`.
// Waits its turn for options.take_over at most while another replacement is under way.
Result<Footing> take_footing(const GatewayOptions& options);

// The other end of take_footing(): all but `predecessor`, over a connection of the successor's.
struct Heirloom {
  int lock = -1;
  int control = -1;
  int successors = -1;
  std::vector<int> listeners;
  std::vector<int> tls_listeners;
};
Result<void> hand_over(int connection, const Offer& offer, const Heirloom& heirloom);

}  // namespace hitless::gateway
