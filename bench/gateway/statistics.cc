#include "bench/gateway/statistics.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::bench {

double percentile(std::vector<float> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::min(rank, values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double smallest(std::span<const double> values) {
  HL_CHECK(!values.empty());
  return *std::min_element(values.begin(), values.end());
}

std::size_t best_of(const std::vector<std::vector<double>>& others) {
  const auto best = std::min_element(
      others.begin(), others.end(),
      [](const auto& one, const auto& other) { return smallest(one) < smallest(other); });
  HL_CHECK(best != others.end());
  return static_cast<std::size_t>(best - others.begin());
}

Ratio ratio_to_best(std::span<const double> ours, const std::vector<std::vector<double>>& others) {
  std::vector<double> rounds;
  for (std::size_t round = 0; round < ours.size(); ++round) {
    std::vector<double> theirs;
    for (const std::vector<double>& other : others) theirs.push_back(other.at(round));
    rounds.push_back(ours[round] / smallest(theirs));
  }
  return {.of_minima = smallest(ours) / smallest(others[best_of(others)]),
          .median = median(std::move(rounds))};
}

}  // namespace hitless::bench
