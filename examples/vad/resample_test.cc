#include "examples/vad/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace hitless::vad {
namespace {

Sound tone(int rate, double hertz) {
  Sound sound{.rate = rate, .samples = {}};
  for (int i = 0; i < rate / 2; ++i) {
    sound.samples.push_back(static_cast<float>(std::sin(2 * std::numbers::pi * hertz * i / rate)));
  }
  return sound;
}

// Away from the ends, where the filter sees the silence outside.
double largest_difference(const std::vector<float>& left, const std::vector<float>& right) {
  constexpr std::size_t edge = 200;
  double largest = 0;
  for (std::size_t i = edge; i + edge < left.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(left[i]) - right[i]));
  }
  return largest;
}

TEST(Resample, KeepsWhatTheModelHearsWithoutDelay) {
  for (const int rate : {32'000, 48'000, 96'000}) {
    for (const double hertz : {100.0, 1'000.0, 6'900.0}) {
      const auto lowered = to_model_rate(tone(rate, hertz));
      ASSERT_TRUE(lowered);
      const std::vector<float> expected = tone(k_model_rate, hertz).samples;
      ASSERT_EQ(lowered->size(), expected.size()) << rate;
      EXPECT_LT(largest_difference(*lowered, expected), 0.001) << rate << " " << hertz;
    }
  }
}

TEST(Resample, TakesAwayWhatWouldFoldBack) {
  for (const double hertz : {8'100.0, 12'000.0, 20'000.0}) {
    const auto lowered = to_model_rate(tone(48'000, hertz));
    ASSERT_TRUE(lowered);
    const std::vector<float> silence(lowered->size(), 0.0F);
    EXPECT_LT(largest_difference(*lowered, silence), 0.0002) << hertz;
  }
}

TEST(Resample, PassesTheModelsRateUnchanged) {
  const Sound sound = tone(k_model_rate, 440);
  EXPECT_EQ(*to_model_rate(sound), sound.samples);
}

TEST(Resample, TakesSoundsShorterThanItsFilter) {
  EXPECT_TRUE(to_model_rate({.rate = 48'000, .samples = {}})->empty());
  EXPECT_EQ(to_model_rate({.rate = 48'000, .samples = {1, 1, 1, 1}})->size(), 2U);
}

TEST(Resample, RefusesRatesThatAreNoMultiple) {
  for (const int rate : {8'000, 22'050, 44'100}) {
    const auto lowered = to_model_rate({.rate = rate, .samples = {0}});
    ASSERT_FALSE(lowered) << rate;
    EXPECT_NE(lowered.error().text().find(std::to_string(rate)), std::string::npos);
  }
}

}  // namespace
}  // namespace hitless::vad
