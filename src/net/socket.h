// Sockets from addresses.  Descriptors are non-blocking and close on exec.  Any thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include <optional>

#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace hitless::net {

// An Address as the kernel wants it, made once and used often.
struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_storage storage;
    sockaddr_un local;
  };
  socklen_t size = 0;

  SocketAddress() : storage{} {}
  int family() const { return any.sa_family; }
};

Result<SocketAddress> to_socket_address(const Address& address);

// For TCP, several sockets may listen on one address (SO_REUSEPORT) and connections have no delay;
// the kernel hands a connection over when its first bytes are there.  A stale Unix socket file is
// replaced and gets `mode`.
Result<UniqueFd> listen_on(const Address& address, unsigned mode = 0600);

// Another descriptor of the same socket.
Result<UniqueFd> copy_of(int fd);

// Where a listening socket really listens.
Result<Address> local_address(int fd, const Address& asked);

// A stream socket of that family, not yet connected; Nagle's delay is off.  -1 and errno on error.
int open_stream_socket(int family);

// How long a TCP connection has moved nothing to its peer: it sent no data, because the peer's
// window is shut, or the peer confirmed nothing.  The kernel tells of room to write in large steps;
// this tells whether a slow reader still reads.  nullopt: not known.
std::optional<Duration> unmoved_for(int fd);

// "127.0.0.1"; "unix:" for Unix sockets, which have no better name.
std::string peer_text(const SocketAddress& peer);

}  // namespace hitless::net
