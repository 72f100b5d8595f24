#include "gateway/circuit.h"

#include <algorithm>

#include "gateway/limits.h"

namespace hitless::gateway {

void Circuit::open(Duration duration, net::Instant now) {
  is_open_ = true;
  is_tried_ = false;
  open_for_ = duration;
  trial_at_ = now + duration;
}

void Circuit::begin_trial(net::Instant now) {
  is_tried_ = true;
  trial_at_ = now + open_for_;
}

bool Circuit::failed(const model::CircuitBreaker& breaker, net::Instant now) {
  if (is_open_) {
    // Others than the trial were under way when it opened; they say nothing new.
    if (is_tried_) open(std::min(2 * open_for_, std::max(breaker.open, k_circuit_open_max)), now);
    return false;
  }
  if (++failures_ < breaker.failures) return false;
  open(breaker.open, now);
  return true;
}

}  // namespace hitless::gateway
