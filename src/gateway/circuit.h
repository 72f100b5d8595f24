// The Circuit of one endpoint at one worker: opens when the instance gave no answer so many times
// in a row, and lets one request through now and then to see whether it does again.
//
// Value.  Thread: the worker's.  Only services with a circuit breaker use it.
#pragma once

#include <cstdint>

#include "model/traffic_policy.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Circuit {
 public:
  bool is_open() const { return is_open_; }
  // A request may go: it is closed, or the time of a trial has come.
  bool lets_through(net::Instant now) const { return !is_open_ || now >= trial_at_; }
  net::Instant trial_at() const { return trial_at_; }

  // A request goes through the open circuit.  Should its client leave before the answer, the next
  // trial is as far off as this one was.
  void begin_trial(net::Instant now);
  void answered() { *this = Circuit(); }
  // True when this opened it.
  bool failed(const model::CircuitBreaker& breaker, net::Instant now);

 private:
  void open(Duration duration, net::Instant now);

  bool is_open_ = false;
  bool is_tried_ = false;
  std::int64_t failures_ = 0;  // in a row
  Duration open_for_{};
  net::Instant trial_at_{};
};

}  // namespace hitless::gateway
