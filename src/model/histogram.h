// A Histogram counts durations in microseconds in log-linear buckets: 16 to a power of two, so a
// percentile is right to about 6 %.  Value; adding and subtracting are exact.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/json.h"

namespace hitless::model {

class Histogram {
 public:
  // Up to 2^33 microseconds (2.4 hours); longer counts there.
  static constexpr std::size_t k_octaves = 30;
  static constexpr std::size_t k_buckets = 16 * k_octaves;

  void record(std::uint64_t micros) { ++counts_[bucket_of(micros)]; }
  std::uint64_t count() const;

  // The upper edge of the bucket in which the q-th value (0 < q <= 1) lies; 0 when empty.
  std::uint64_t percentile(double q) const;

  // How many were longer than `micros`; exact when that is an upper edge, else too few by those in
  // its own bucket.
  std::uint64_t count_above(std::uint64_t micros) const;

  Histogram& operator+=(const Histogram& other);
  Histogram& operator-=(const Histogram& earlier);
  friend bool operator==(const Histogram&, const Histogram&) = default;

  // [[bucket, count], …], empty buckets left out.
  friend json::value to_json(const Histogram& histogram);
  friend Result<Histogram> histogram_from_json(const json::value& value);

  static constexpr std::size_t bucket_of(std::uint64_t micros) {
    if (micros < 16) return static_cast<std::size_t>(micros);
    const auto octave = static_cast<std::size_t>(63 - __builtin_clzll(micros)) - 3;  // 1 for 16…31
    if (octave >= k_octaves) return k_buckets - 1;
    return octave * 16 + static_cast<std::size_t>((micros >> (octave - 1)) & 15);
  }
  static constexpr std::uint64_t upper_edge(std::size_t bucket) {
    if (bucket < 16) return bucket;
    const std::size_t octave = bucket / 16;
    return ((16 + bucket % 16 + 1) << (octave - 1)) - 1;
  }

 private:
  std::array<std::uint64_t, k_buckets> counts_{};
};

json::value to_json(const Histogram& histogram);
Result<Histogram> histogram_from_json(const json::value& value);

}  // namespace hitless::model
