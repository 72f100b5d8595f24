#include "gateway/schedule.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace hitless::gateway {
namespace {

// The stretch of turns over which shares are promised to be right.
constexpr std::int64_t k_round = 1000;

// Of the circle's unit, so that neighbouring rounds are far apart: about the golden section.
constexpr double k_stride = 0.382;

}  // namespace

// Where the whole fits a round without a rest, so many turns are enough.  Else every round has the
// whole parts of each weight in the same places, and as many floating turns as are missing.
//
// Why any k_round turns in a row are right: they hold each place of the round once, some of one
// round and the others of the next.  The floating ones among them are points on the circle that
// are one apart but at two places: where the rounds meet it is one and a stride, and where the
// circle closes one less a stride.  No arc is longer than that (lay_out), so none holds two of
// them, and each weight gets its whole parts and at most one more, as it should within less than
// one turn.
Schedule::Schedule(std::span<const std::uint32_t> weights, std::uint64_t position)
    : weights_(weights.size()), next_(position) {
  std::int64_t divisor = 0;
  std::int64_t total = 0;
  for (const std::uint32_t weight : weights) {
    divisor = std::gcd(divisor, static_cast<std::int64_t>(weight));
    total += weight;
  }
  HL_CHECK(total > 0 && weights.size() <= UINT16_MAX / 2);
  total /= divisor;
  std::vector<std::int64_t> parts;
  for (const std::uint32_t weight : weights) parts.push_back(weight / divisor);
  if (k_round % total != 0) divide_round(parts, total);
  lay_out(std::move(parts));
}

// From weights to the whole parts of a round and the floating turns.
void Schedule::divide_round(std::vector<std::int64_t>& parts, std::int64_t total) {
  std::int64_t rest_divisor = total;
  for (const std::int64_t part : parts) {
    rest_divisor = std::gcd(rest_divisor, part * k_round % total);
  }
  const std::int64_t circle = total / rest_divisor;
  std::int64_t end = 0;
  std::int64_t longest = 0;
  for (std::int64_t& part : parts) {
    const std::int64_t rest = part * k_round % total / rest_divisor;
    end += rest;
    longest = std::max(longest, rest);
    boundaries_.push_back(static_cast<std::uint64_t>(end));
    part = part * k_round / total;
  }
  rounds_ = static_cast<std::uint64_t>(circle);
  // Without a common divisor, so that each weight comes to its exact part in `rounds_` rounds.
  std::int64_t stride = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(circle) * k_stride), 1, circle - longest);
  while (std::gcd(stride, circle) != 1) --stride;
  stride_ = static_cast<std::uint64_t>(stride);
  parts.resize(parts.size() + static_cast<std::size_t>(end / circle), 1);
}

// Smooth weighted round robin: a weight's turns are spread over the round.
void Schedule::lay_out(std::vector<std::int64_t> parts) {
  const std::int64_t total = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  turns_.reserve(static_cast<std::size_t>(total));
  std::vector<std::int64_t> credit(parts.size(), 0);
  std::size_t floating = weights_;
  for (std::int64_t turn = 0; turn < total; ++turn) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      credit[i] += parts[i];
      if (credit[i] > credit[best]) best = i;
    }
    credit[best] -= total;
    // Floating turns are alike; they are numbered as they come.
    turns_.push_back(static_cast<std::uint16_t>(best < weights_ ? best : floating++));
  }
}

std::size_t Schedule::floating(std::size_t slot, std::uint64_t round) const {
  const std::uint64_t circle = boundaries_.back();
  const std::uint64_t back = round % circle * stride_ % circle;
  const std::uint64_t point = (slot * rounds_ + circle - back) % circle;
  const auto arc = std::upper_bound(boundaries_.begin(), boundaries_.end(), point);
  return static_cast<std::size_t>(arc - boundaries_.begin());
}

}  // namespace hitless::gateway
