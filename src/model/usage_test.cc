#include "model/usage.h"

#include <gtest/gtest.h>

namespace hitless::model {
namespace {

Outcomes some_outcomes(std::uint64_t seed) {
  Outcomes outcomes{.requests = seed,
                    .by_class = {1, 0, seed, 0, 2, 3},
                    .failed = seed + 1,
                    .retried = seed + 2,
                    .held = seed + 3,
                    .held_longest_us = seed * 100,
                    .cut = seed + 4,
                    .client_gone = seed + 5,
                    .latency = {},
                    .first_byte = {}};
  outcomes.latency.record(seed * 1000);
  outcomes.first_byte.record(seed * 10);
  return outcomes;
}

TEST(Usage, ComesBackFromItsJsonForm) {
  Usage usage{.gateway = "g", .adopted = 12, .instances = {}, .revisions = {}};
  usage.instances = {{InstanceId("a"), 1, 2, 3}, {InstanceId("b"), 0, 5, 0}};
  usage.revisions = {{ServiceId(""), 0, some_outcomes(1)}, {ServiceId("s"), 2, some_outcomes(9)}};
  const Result<Usage> back = usage_from_json(*parse_json(to_json_text(to_json(usage))));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, usage);
}

TEST(Usage, FindsAnInstance) {
  const Usage usage{.gateway = "g",
                    .adopted = 1,
                    .instances = {{InstanceId("a"), 1, 2, 3}, {InstanceId("c"), 4, 5, 6}},
                    .revisions = {}};
  ASSERT_NE(usage.find(InstanceId("c")), nullptr);
  EXPECT_EQ(usage.find(InstanceId("c"))->in_flight, 4U);
  EXPECT_EQ(usage.find(InstanceId("b")), nullptr);
  EXPECT_EQ(usage.find(InstanceId("d")), nullptr);
}

TEST(Usage, RefusesOtherShapes) {
  for (const char* text :
       {"[]", "{}", R"({"gateway":"g","adopted":-1,"instances":[],"revisions":[]})",
        R"({"gateway":"g","adopted":1,"instances":[{}],"revisions":[]})",
        R"({"gateway":"g","adopted":1,"instances":[],"revisions":[{"service":"s"}]})"}) {
    EXPECT_FALSE(usage_from_json(*parse_json(text))) << text;
  }
}

TEST(Outcomes, DifferenceOfTwoReadingsIsWhatCameBetween) {
  const Outcomes earlier = some_outcomes(4);
  const Outcomes more = some_outcomes(7);
  Outcomes later = earlier;
  later += more;
  Outcomes expected = more;
  expected.held_longest_us = later.held_longest_us;
  EXPECT_EQ(later.since(earlier), expected);
  EXPECT_EQ(later.held_longest_us, 700U);
}

}  // namespace
}  // namespace hitless::model
