// Chooses TCP ports for instances that cannot listen on a Unix socket.
#pragma once

#include <cstdint>
#include <set>

#include "base/result.h"

namespace hitless::pools {

// One thread at a time (the pool's mutex).
class Ports {
 public:
  Ports(std::uint16_t first, std::uint16_t last);

  // One of the range that is not in `taken` and that nobody listens on.  exhausted: none.
  Result<std::uint16_t> choose(const std::set<std::uint16_t>& taken);

 private:
  std::uint16_t first_;
  std::uint16_t last_;
  std::uint16_t next_;  // goes round, so that a port rests before it is used again
};

}  // namespace hitless::pools
