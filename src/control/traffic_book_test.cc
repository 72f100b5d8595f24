#include "control/traffic_book.h"

#include <gtest/gtest.h>

#include "control/limits.h"

namespace hitless::control {
namespace {

const model::ServiceId k_service("s");

model::Usage counted(std::uint64_t requests) {
  model::Usage usage{.gateway = "g", .adopted = 1, .instances = {}, .revisions = {}};
  usage.revisions.push_back({k_service, 1, {}, "A"});
  usage.revisions.back().outcomes.requests = requests;
  return usage;
}

Time at(Duration since) {
  return Time(std::chrono::hours(1)) + since;
}

TEST(TrafficBook, LooksBackOnAMomentThatWasMarkedBetweenItsSamples) {
  TrafficBook book;
  book.take(counted(10), at({}));
  EXPECT_EQ(book.mark(k_service, at(std::chrono::milliseconds(100))).total.requests, 10U);
  book.take(counted(25), at(std::chrono::milliseconds(200)));
  const auto earlier = book.earlier(k_service, at(k_report_window));
  ASSERT_TRUE(earlier);
  EXPECT_EQ(earlier->at, at({}));
  const auto marked = book.earlier(k_service, at(k_report_window + std::chrono::milliseconds(50)));
  ASSERT_TRUE(marked);
  EXPECT_EQ(marked->at, at(std::chrono::milliseconds(100)));
  EXPECT_EQ(
      book.reading(k_service, at(std::chrono::seconds(1))).total.since(marked->total).requests,
      15U);
  EXPECT_FALSE(book.earlier(k_service, at(2 * k_report_window)));
}

}  // namespace
}  // namespace hitless::control
