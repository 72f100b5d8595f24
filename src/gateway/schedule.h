// A Schedule says whose turn it is: exact weights, laid out once and walked by all workers
// together, so that a share is right over any stretch of requests and not only on average.
//
// Constant after construction but for the position, which is one atomic.  Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hitless::gateway {

class Schedule {
 public:
  // The turns of smooth weighted round robin over one whole period.  At least one weight is > 0.
  explicit Schedule(std::span<const std::uint32_t> weights);

  // The index of the weight whose turn it is.
  std::size_t next() {
    if (turns_.size() == 1) return turns_[0];
    return turns_[next_.fetch_add(1, std::memory_order_relaxed) % turns_.size()];
  }
  std::size_t period() const { return turns_.size(); }

 private:
  std::vector<std::uint16_t> turns_;
  std::atomic<std::uint64_t> next_ = 0;
};

}  // namespace hitless::gateway
