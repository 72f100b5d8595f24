// Chooses TCP ports for instances that cannot listen on a Unix socket.
#pragma once

#include <cstdint>
#include <set>

#include "base/clock.h"
#include "base/result.h"

namespace hitless::pools {

// One thread at a time (the pool's mutex).
class Ports {
 public:
  Ports(std::uint16_t first, std::uint16_t last);

  // One of the range that is not in `taken` and that nobody listens on.  exhausted: none.
  Result<std::uint16_t> choose(const std::set<std::uint16_t>& taken);

  // How many of the range are in `taken` or could be chosen.  While plenty are left nobody is
  // looked for who listens on them.
  std::int64_t count_usable(const std::set<std::uint16_t>& taken, Time now);

 private:
  std::int64_t count_free(const std::set<std::uint16_t>& taken) const;

  std::uint16_t first_;
  std::uint16_t last_;
  std::uint16_t next_;  // goes round, so that a port rests before it is used again
  std::set<std::uint16_t> counted_with_;  // the last count, and what was taken then
  std::int64_t usable_ = 0;
  Time counted_at_ = Time::min();
};

}  // namespace hitless::pools
