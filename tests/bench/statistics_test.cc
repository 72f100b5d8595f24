#include "bench/gateway/statistics.h"

#include <gtest/gtest.h>

namespace hitless::bench {
namespace {

TEST(BenchStatistics, APercentileIsAValueThatWasMeasured) {
  std::vector<float> values;
  for (int i = 100; i > 0; --i) values.push_back(static_cast<float>(i));
  EXPECT_EQ(percentile(values, 0.50), 51);
  EXPECT_EQ(percentile(values, 0.99), 100);
  EXPECT_EQ(percentile(values, 1.0), 100);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

TEST(BenchStatistics, TheMedianOfAnEvenNumberLiesBetweenTheMiddleTwo) {
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({}), 0);
}

TEST(BenchStatistics, TheRatioIsAgainstTheBetterPeer) {
  const std::vector<double> ours{10, 8, 9};
  const std::vector<std::vector<double>> peers{{20, 16, 30}, {12, 40, 18}};
  const Ratio ratio = ratio_to_best(ours, peers);
  EXPECT_DOUBLE_EQ(ratio.of_minima, 8.0 / 12.0);
  // 10/12, 8/16, 9/18: each round has its own better peer.
  EXPECT_DOUBLE_EQ(ratio.median, 0.5);
  EXPECT_EQ(best_of(peers), 1U);
}

}  // namespace
}  // namespace hitless::bench
