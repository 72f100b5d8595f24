// A Schedule says whose turn it is: exact weights, laid out once and walked by all workers
// together, so that a share is right over any stretch of requests and not only on average.
//
// Of any 1,000 turns in a row each weight has its part to within less than one turn, wherever they
// begin, and over a whole period it has it exactly.
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
  // At least one weight is > 0.  `position` is where the turns begin: a schedule that goes on where
  // another was is fair to small weights however often the weights change.
  explicit Schedule(std::span<const std::uint32_t> weights, std::uint64_t position = 0);

  // The index of the weight whose turn it is.
  std::size_t next() {
    if (turns_.size() == 1) return turns_[0];
    return at(next_.fetch_add(1, std::memory_order_relaxed));
  }
  std::size_t at(std::uint64_t position) const {
    const std::uint16_t turn = turns_[position % turns_.size()];
    return turn < weights_ ? turn : floating(turn - weights_, position / turns_.size());
  }
  std::uint64_t position() const { return next_.load(std::memory_order_relaxed); }
  // In turns.
  std::uint64_t period() const { return turns_.size() * rounds_; }

 private:
  std::size_t floating(std::size_t slot, std::uint64_t round) const;
  void divide_round(std::vector<std::int64_t>& parts, std::int64_t total);
  void lay_out(std::vector<std::int64_t> parts);

  // One round of turns: indexes of weights and, from weights_ on, floating turns.
  std::vector<std::uint16_t> turns_;
  std::size_t weights_ = 0;
  // The floating turns of a round go to the weights whose parts of a round are not whole.  They are
  // points one apart on a circle that is divided among the weights by what they lack, and step back
  // with each round.
  std::uint64_t rounds_ = 1;               // until they stand as at first
  std::uint64_t stride_ = 0;               // of the points, in parts of `rounds_` to the turn
  std::vector<std::uint64_t> boundaries_;  // where each weight's arc ends, in the same parts
  std::atomic<std::uint64_t> next_;
};

}  // namespace hitless::gateway
