// How long `hitless down` waits for instances that were told to stop.  Pure; one thread.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace hitless::app {

// Ending costs the machine something for each of them, so a thousand cannot end as quickly as one:
// the wait is over when none has ended for a while, however long all of them take.
class EndingWatch {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  // From SIGKILL at the end of the grace to the shim's record; again after each that has ended.
  static constexpr Duration k_patience = std::chrono::seconds(5);

  EndingWatch(std::size_t alive, SteadyTime told, Duration grace);

  void note(std::size_t alive, SteadyTime now);
  SteadyTime deadline() const { return deadline_; }

 private:
  std::size_t fewest_;
  SteadyTime deadline_;
};

}  // namespace hitless::app
