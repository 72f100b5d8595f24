#include "app/ending_watch.h"

#include <algorithm>

namespace hitless::app {

EndingWatch::EndingWatch(std::size_t alive, SteadyTime told, Duration grace)
    : fewest_(alive), deadline_(told + grace + k_patience) {}

void EndingWatch::note(std::size_t alive, SteadyTime now) {
  if (alive >= fewest_) return;
  fewest_ = alive;
  deadline_ = std::max(deadline_, now + k_patience);
}

}  // namespace hitless::app
