#include "rollout/likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"

namespace hitless::rollout {
namespace {

// Of so many events, each way to share them out between the sides, by its ln of how likely it is if
// the sides are equal (hypergeometric, up to a constant); begins at `least` on the new side.
struct Ways {
  std::uint64_t least = 0;
  std::vector<double> logs;
};

Ways ways_of(const model::Tally& whole) {
  const std::uint64_t events = whole.new_events + whole.old_events;
  Ways ways{.least = events > whole.old_total ? events - whole.old_total : 0, .logs = {0}};
  for (std::uint64_t on_new = ways.least; on_new < std::min(whole.new_total, events); ++on_new) {
    const auto rises = static_cast<double>((whole.new_total - on_new) * (events - on_new));
    const auto falls = static_cast<double>((on_new + 1) * (whole.old_total + on_new + 1 - events));
    ways.logs.push_back(ways.logs.back() + std::log(rises / falls));
  }
  return ways;
}

// ln of the mean of ways with the odds of the new side so many times larger, against equal ones.
double log_mean(const Ways& ways, double log_ratio) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t index = 0; index < ways.logs.size(); ++index) {
    most = std::max(most, ways.logs[index] + static_cast<double>(index) * log_ratio);
  }
  double sum = 0;
  for (std::size_t index = 0; index < ways.logs.size(); ++index) {
    sum += std::exp(ways.logs[index] + static_cast<double>(index) * log_ratio - most);
  }
  return most + std::log(sum);
}

using FarLogs = std::array<double, k_far_ratios.size()>;

double log_sum(double left, double right) {
  const double most = std::max(left, right);
  return most + std::log(std::exp(left - most) + std::exp(right - most));
}

// ln of the mean of what these are the ln of.
double log_mean(const FarLogs& logs) {
  double sum = logs[0];
  for (std::size_t index = 1; index < logs.size(); ++index) sum = log_sum(sum, logs[index]);
  return sum - std::log(static_cast<double>(logs.size()));
}

// p1 = ratio × bar × less, 1 - p1 = (1 - bar) × less.
FarLogs far_logs_of(std::uint64_t events, std::uint64_t total, double bar) {
  FarLogs logs;
  std::transform(k_far_ratios.begin(), k_far_ratios.end(), logs.begin(), [&](double ratio) {
    const double less = -std::log(1 + (ratio - 1) * bar);
    return static_cast<double>(events) * std::log(ratio) + static_cast<double>(total) * less;
  });
  return logs;
}

double weight_of_onset(std::uint64_t count) {
  const auto k = static_cast<double>(count);
  return 1 / (k * (k + 1));
}

double normal_below(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

// The probability that the passage takes at most `requests`.
double passed_within(double requests, double average, double shape) {
  const double root = std::sqrt(shape / requests);
  const double direct = normal_below(root * (requests / average - 1));
  // exp(2·shape/average) overflows where the factor beside it vanishes.
  const double mirrored = normal_below(-root * (requests / average + 1));
  if (mirrored == 0) return direct;
  return direct + std::exp(2 * shape / average + std::log(mirrored));
}

}  // namespace

double log_ratio_of(const model::Tally& stretch, double ratio) {
  if (stretch.new_total == 0 || stretch.old_total == 0) return 0;
  const auto new_total = static_cast<double>(stretch.new_total);
  const auto old_total = static_cast<double>(stretch.old_total);
  // p1/p0 = ratio × less, (1-p1)/(1-p0) = less.
  const double less = std::log((new_total + old_total) / (ratio * new_total + old_total));
  return static_cast<double>(stretch.new_events) * (std::log(ratio) + less) +
         static_cast<double>(stretch.old_events) * less;
}

double gross_log_ratio_of(const model::Tally& whole) {
  const Ways ways = ways_of(whole);
  const double equal = log_mean(ways, 0);
  const auto seen = static_cast<double>(whole.new_events - ways.least);
  FarLogs logs;
  std::transform(k_far_ratios.begin(), k_far_ratios.end(), logs.begin(), [&](double ratio) {
    const double log_ratio = std::log(ratio);
    return seen * log_ratio - log_mean(ways, log_ratio) + equal;
  });
  return log_mean(logs);
}

double alone_log_ratio_of(const model::Onsets& onsets, std::uint64_t events, std::uint64_t total,
                          double bar) {
  FarLogs logs = far_logs_of(events, total, bar);
  HL_CHECK(onsets.log_sums.size() == logs.size());
  for (std::size_t index = 0; index < logs.size(); ++index) logs[index] += onsets.log_sums[index];
  return log_mean(logs);
}

void add_onset(model::Onsets& onsets, std::uint64_t events, std::uint64_t total, double bar) {
  const double log_weight = std::log(weight_of_onset(++onsets.count));
  const FarLogs before = far_logs_of(events, total, bar);
  onsets.log_sums.resize(before.size(), -std::numeric_limits<double>::infinity());
  for (std::size_t index = 0; index < before.size(); ++index) {
    onsets.log_sums[index] = log_sum(onsets.log_sums[index], log_weight - before[index]);
  }
  onsets.last = total;
  // The least of the ratios finds the begin of any fault; the larger ones overlook the small.
  const FarLogs likely = far_logs_of(onsets.likely_events, onsets.likely_total, bar);
  if (before.front() >= likely.front()) return;
  onsets.likely_events = events;
  onsets.likely_total = total;
}

double first_onset_cost() {
  return -std::log(weight_of_onset(1));
}

double share_log_ratio_of(std::uint64_t events, std::uint64_t total, double share) {
  const double otherwise = std::log((1 - share) / (1 - share / 2));
  return static_cast<double>(events) * std::log(2) +
         static_cast<double>(total - events) * otherwise;
}

Passage passage_of(double needed, double drift, double variance, double miss) {
  Passage passage;
  passage.average = needed / drift;
  const double shape = needed * needed / variance;
  double low = passage.average / 64;
  double high = passage.average * 64;
  constexpr int k_halvings = 60;
  for (int halving = 0; halving < k_halvings; ++halving) {
    const double middle = (low + high) / 2;
    (passed_within(middle, passage.average, shape) < 1 - miss ? low : high) = middle;
  }
  passage.within = high;
  return passage;
}

}  // namespace hitless::rollout
