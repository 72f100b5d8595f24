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
                    .held_done = seed + 2,
                    .held_longest_us = seed * 100,
                    .cut = seed + 4,
                    .client_gone = seed + 5,
                    .latency = {},
                    .first_byte = {}};
  outcomes.latency.record(seed * 1000);
  outcomes.first_byte.record(seed * 10);
  outcomes.held_for.record(seed * 100);
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
  EXPECT_EQ(later.since(earlier), more);
  EXPECT_EQ(later.held_longest_us, 700U);
}

Outcomes held_for(std::uint64_t micros) {
  Outcomes outcomes;
  outcomes.held = 1;
  outcomes.held_longest_us = micros;
  outcomes.held_for.record(micros);
  return outcomes;
}

TEST(Outcomes, LongestHoldIsThatOfItsOwnWindow) {
  const Outcomes first = held_for(3'000'000);
  Outcomes second = first;
  second += held_for(200'000);
  const std::uint64_t longest = second.since(first).held_longest_us;
  EXPECT_GE(longest, 200'000U);
  EXPECT_LE(longest, 212'500U) << "6 % more";
  EXPECT_EQ(second.since(second).held_longest_us, 0U);
  Outcomes third = second;
  third += held_for(5'000'000);
  EXPECT_EQ(third.since(second).held_longest_us, 5'000'000U);
}

TEST(Outcomes, ReadsWhatWasWrittenBeforeHoldsHadAHistogram) {
  json::object old = to_json(held_for(3'000'000)).as_object();
  old.erase("held_for");
  const Result<Outcomes> read = outcomes_from_json(*parse_json(to_json_text(old)));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->since({}).held_longest_us, 3'000'000U);
}

}  // namespace
}  // namespace hitless::model
