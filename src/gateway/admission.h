// What all workers together have let in of one service: its token bucket, the requests in progress
// and those that are parked.
//
// One for each service, from its first table on and for as long as it is in one; shared by the
// workers' entries of it.  Any thread; nothing is locked.  Of services without limits only parking
// touches it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/traffic_policy.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Admission {
 public:
  // Takes a token; where there is none, says how long until there is one.
  std::optional<Duration> take_token(const model::RateLimit& limit, net::Instant now);
  // Another limit begins with a full bucket: how far this one is emptied means nothing to it.
  void fill_bucket() { full_at_.store(0, std::memory_order_relaxed); }

  // One more in progress, unless `limit` are.
  bool enter(std::int64_t limit);
  void leave() { in_progress_.fetch_sub(1, std::memory_order_relaxed); }
  std::int64_t in_progress() const { return in_progress_.load(std::memory_order_relaxed); }

  // One more parked with its bytes, unless that is more than may be.
  bool park(std::size_t bytes, std::size_t requests_max, std::size_t bytes_max);
  void unpark(std::size_t bytes);

 private:
  // When the bucket is full again, in nanoseconds of the monotonic clock: what is taken moves it
  // on, and as far as a burst it may lie ahead of now.
  std::atomic<std::int64_t> full_at_ = 0;
  std::atomic<std::int64_t> in_progress_ = 0;
  std::atomic<std::size_t> parked_ = 0;
  std::atomic<std::size_t> parked_bytes_ = 0;
};

}  // namespace hitless::gateway
