// Time as a value, and the one door to the machine's clocks.
//
// Pure code takes a Time as input.  Resources that need the present take a Clock&, so that tests
// and the simulator can own it.
#pragma once

#include <chrono>
#include <cstdint>

namespace hitless {

using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;

// Milliseconds since 1970-01-01T00:00Z: the wire's and the store's form of a Time.
inline std::int64_t to_millis(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
inline Time from_millis(std::int64_t millis) {
  return Time(std::chrono::milliseconds(millis));
}

// Microseconds since the epoch, for what is computed with: instances' times, reports.
inline std::int64_t to_micros(Time time) {
  return time.time_since_epoch().count();
}
inline Time from_micros(std::int64_t micros) {
  return Time(Duration(micros));
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

// The machine's wall clock.  Any thread.
class SystemClock final : public Clock {
 public:
  Time now() const override {
    return std::chrono::floor<Duration>(std::chrono::system_clock::now());
  }
};

}  // namespace hitless
