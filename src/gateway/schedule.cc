#include "gateway/schedule.h"

#include <numeric>

#include "base/check.h"

namespace hitless::gateway {

Schedule::Schedule(std::span<const std::uint32_t> weights) {
  std::int64_t divisor = 0;
  std::int64_t total = 0;
  for (const std::uint32_t weight : weights) {
    divisor = std::gcd(divisor, static_cast<std::int64_t>(weight));
    total += weight;
  }
  HL_CHECK(total > 0 && weights.size() <= UINT16_MAX);
  total /= divisor;
  turns_.reserve(static_cast<std::size_t>(total));
  std::vector<std::int64_t> credit(weights.size(), 0);
  for (std::int64_t turn = 0; turn < total; ++turn) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      credit[i] += static_cast<std::int64_t>(weights[i]) / divisor;
      if (credit[i] > credit[best]) best = i;
    }
    credit[best] -= total;
    turns_.push_back(static_cast<std::uint16_t>(best));
  }
}

}  // namespace hitless::gateway
