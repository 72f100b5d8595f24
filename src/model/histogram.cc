#include "model/histogram.h"

#include <algorithm>
#include <cmath>

namespace hitless::model {

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts_) total += count;
  return total;
}

std::uint64_t Histogram::percentile(double q) const {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < k_buckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= std::max<std::uint64_t>(rank, 1)) return upper_edge(bucket);
  }
  return upper_edge(k_buckets - 1);
}

std::uint64_t Histogram::count_above(std::uint64_t micros) const {
  std::uint64_t total = 0;
  for (std::size_t bucket = bucket_of(micros) + 1; bucket < k_buckets; ++bucket) {
    total += counts_[bucket];
  }
  return total;
}

Histogram& Histogram::operator+=(const Histogram& other) {
  for (std::size_t bucket = 0; bucket < k_buckets; ++bucket) {
    counts_[bucket] += other.counts_[bucket];
  }
  return *this;
}

Histogram& Histogram::operator-=(const Histogram& earlier) {
  for (std::size_t bucket = 0; bucket < k_buckets; ++bucket) {
    counts_[bucket] -= std::min(counts_[bucket], earlier.counts_[bucket]);
  }
  return *this;
}

json::value to_json(const Histogram& histogram) {
  json::array pairs;
  for (std::size_t bucket = 0; bucket < Histogram::k_buckets; ++bucket) {
    if (histogram.counts_[bucket] == 0) continue;
    pairs.push_back(json::array{bucket, histogram.counts_[bucket]});
  }
  return pairs;
}

Result<Histogram> histogram_from_json(const json::value& value) {
  const Error unreadable(Code::corrupt, "a histogram must be an array of [bucket, count]");
  const json::array* pairs = value.if_array();
  if (pairs == nullptr) return unreadable;
  Histogram histogram;
  for (const json::value& item : *pairs) {
    const json::array* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2) return unreadable;
    boost::system::error_code failure;
    const auto bucket = (*pair)[0].to_number<std::size_t>(failure);
    if (failure || bucket >= Histogram::k_buckets) return unreadable;
    histogram.counts_[bucket] = (*pair)[1].to_number<std::uint64_t>(failure);
    if (failure) return unreadable;
  }
  return histogram;
}

}  // namespace hitless::model
