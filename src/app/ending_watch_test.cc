#include "app/ending_watch.h"

#include <gtest/gtest.h>

namespace hitless::app {
namespace {

using namespace std::chrono_literals;

constexpr EndingWatch::SteadyTime k_told{1h};

TEST(EndingWatch, WaitsForAThousandThatEndOneAfterTheOther) {
  EndingWatch watch(1000, k_told, 2s);
  auto now = k_told;
  for (std::size_t left = 999; left > 0; --left) {
    now += 50ms;  // fifty seconds for all of them
    ASSERT_LT(now, watch.deadline()) << left;
    watch.note(left, now);
  }
}

TEST(EndingWatch, GivesUpOnOneThatNeverEnds) {
  EndingWatch watch(2, k_told, 2s);
  EXPECT_EQ(watch.deadline(), k_told + 2s + EndingWatch::k_patience);
  watch.note(1, k_told + 100s);
  const auto last = k_told + 100s + EndingWatch::k_patience;
  EXPECT_EQ(watch.deadline(), last);
  watch.note(1, k_told + 101s);
  EXPECT_EQ(watch.deadline(), last) << "none has ended since";
}

TEST(EndingWatch, LeavesTheGraceWholeToTheOthersWhenOneEndsAtOnce) {
  EndingWatch watch(2, k_told, 60s);
  watch.note(1, k_told);
  EXPECT_EQ(watch.deadline(), k_told + 60s + EndingWatch::k_patience);
}

}  // namespace
}  // namespace hitless::app
