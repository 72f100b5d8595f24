#include "gateway/admission.h"

#include <algorithm>

namespace hitless::gateway {
namespace {

constexpr std::int64_t k_nanos_in_second = 1'000'000'000;

template <class Count>
bool raise(std::atomic<Count>& count, Count by, Count limit) {
  Count seen = count.load(std::memory_order_relaxed);
  do {
    if (by > limit || seen > limit - by) return false;
  } while (!count.compare_exchange_weak(seen, seen + by, std::memory_order_relaxed));
  return true;
}

}  // namespace

std::optional<Duration> Admission::take_token(const model::RateLimit& limit, net::Instant now) {
  // Rounded up: the limit is never exceeded, and by less than a part in a thousand not reached.
  const std::int64_t token =
      (limit.seconds * k_nanos_in_second + limit.requests - 1) / limit.requests;
  const std::int64_t ahead_max = token * limit.burst;
  const std::int64_t present =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::int64_t seen = full_at_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    next = std::max(seen, present) + token;
    if (next > present + ahead_max) {
      return std::chrono::ceil<Duration>(std::chrono::nanoseconds(next - present - ahead_max));
    }
  } while (!full_at_.compare_exchange_weak(seen, next, std::memory_order_relaxed));
  return std::nullopt;
}

bool Admission::enter(std::int64_t limit) {
  return raise<std::int64_t>(in_progress_, 1, limit);
}

bool Admission::park(std::size_t bytes, std::size_t requests_max, std::size_t bytes_max) {
  if (!raise<std::size_t>(parked_, 1, requests_max)) return false;
  if (raise<std::size_t>(parked_bytes_, bytes, bytes_max)) return true;
  parked_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Admission::unpark(std::size_t bytes) {
  parked_.fetch_sub(1, std::memory_order_relaxed);
  parked_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace hitless::gateway
