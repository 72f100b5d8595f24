// What the live view says of the time that is left.
#include "cli/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/session.h"

namespace hitless::cli {
namespace {

// On a terminal; the server's clock is so far ahead that no time has passed since.
std::string shown(std::int64_t left_us, std::int64_t most_us) {
  std::ostringstream out;
  std::istringstream in;
  const Io io{.out = out, .err = out, .in = in, .terminal = true};
  LiveView view(io);
  view.show({{"rollout_id", "r"},
             {"phase", "starting"},
             {"why", "waiting"},
             {"percent", 50},
             {"at", now_ms() + 3'600'000},
             {"predicted_left_us", left_us},
             {"predicted_left_most_us", most_us}});
  return out.str();
}

TEST(LiveView, SaysHowLongItTakesAndWithItsProof) {
  using ::testing::HasSubstr;
  using ::testing::Not;
  EXPECT_THAT(shown(3'200'000, 13'200'000), HasSubstr("50 %, about 4 s left, 14 s at the most"));
  EXPECT_THAT(shown(3'200'000, 3'200'000), HasSubstr("50 %, about 4 s left\n"));
  EXPECT_THAT(shown(0, 9'000'000), HasSubstr("50 %, 9 s left at the most"));
  EXPECT_THAT(shown(0, 0), Not(HasSubstr("left")));
}

}  // namespace
}  // namespace hitless::cli
