// What a gateway process is started with.  Values; checked whole by check().
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "gateway/limits.h"
#include "gateway/signals.h"
#include "net/tls.h"

namespace hitless::gateway {

struct TlsOptions {
  Address listen;                           // where clients call over TLS
  std::vector<net::TlsFiles> certificates;  // chosen by the name that the client asks for
  bool redirect = false;                    // plain requests are told to use TLS
};

struct GatewayOptions {
  Address listen{.host = "127.0.0.1", .port = 0, .path = {}};  // where clients call
  std::filesystem::path control_socket;                        // where control attaches
  std::size_t workers = 2;                                     // one thread and event loop each
  Signals signals;
  bool signals_as_before = false;  // with take_over: those of the gateway that runs
  std::string version;             // of the program; told to control
  // Where the address is kept, so that a gateway that was asked for any port gets the one it had
  // before.  Empty: it is not kept.
  std::filesystem::path address_file;
  std::optional<TlsOptions> tls;
  // Take the place of the gateway that runs, on its sockets, and wait so long for one's turn.
  // `listen` and `tls` are then that gateway's; with 0 workers there are as many as it has.
  std::optional<Duration> take_over;
  Limits limits;  // gateway/limits.h
};

Result<void> check(const GatewayOptions& options);

}  // namespace hitless::gateway
