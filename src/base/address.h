// Where something listens on this machine: "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hitless {

struct Address {
  std::string host;        // numeric IPv4 or IPv6, without brackets; empty for a Unix socket
  std::uint16_t port = 0;  // 0 asks the kernel for one when listening
  std::string path;        // of the Unix socket; empty for TCP

  bool is_unix() const { return !path.empty(); }
  bool is_loopback() const;  // a Unix socket is

  friend auto operator<=>(const Address&, const Address&) = default;
};

std::string to_text(const Address& address);

// A Unix socket's path is limited to 107 bytes by the kernel (unix(7)); longer is an Error.
Result<Address> parse_address(std::string_view text);

}  // namespace hitless
