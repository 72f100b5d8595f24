// Passive health: who refuses is asked last, control hears of it, and no request is lost by it.
#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;

// An address on which nothing listens; something did, and may again.
Address vacant_address() {
  const RawUpstream gone([](RawConnection&) {});
  return gone.address();
}

std::uint64_t refusals(const model::Usage& usage, const char* instance) {
  const model::InstanceUsage* const found = usage.find(model::InstanceId(instance));
  return found == nullptr ? 0 : found->connect_failures;
}

TEST(Suspect, WhoRefusedIsNotAskedAgainWhileOthersAnswer) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("there"); }));
  Limits limits;
  limits.suspect_time = std::chrono::hours(1);
  GatewayFixture fixture(limits, 1);
  ASSERT_TRUE(fixture.adopt({serving(
      {{1, 100, {endpoint("gone", vacant_address()), endpoint("there", upstream.address())}}})}));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 30; ++i) {
    client.write(request());
    ASSERT_EQ(client.read_message().body, "there");
  }
  const model::Outcomes outcomes = fixture.outcomes_of(30);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.retried, 1U);
  ASSERT_TRUE(
      fixture.eventually([](const model::Usage& usage) { return refusals(usage, "gone") > 0; }));
  EXPECT_EQ(refusals(fixture.client().usage(), "gone"), 1U);
}

TEST(Suspect, ControlIsToldBeforeTheNextReadingIsDue) {
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("gone", vacant_address())}}})}));
  RawConnection client = fixture.connect();
  client.write(request());  // it is held, and goes on asking
  EXPECT_TRUE(
      fixture.eventually([](const model::Usage& usage) { return refusals(usage, "gone") > 0; }));
}

TEST(Suspect, ASuspectIsBetterThanNobody) {
  Limits limits;
  limits.suspect_time = std::chrono::hours(1);
  GatewayFixture fixture(limits, 1);
  const Address address = vacant_address();
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("back", address)}}})}));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_TRUE(
      fixture.eventually([](const model::Usage& usage) { return refusals(usage, "back") > 0; }));
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("back"); }), address);
  EXPECT_EQ(client.read_message().body, "back");
}

TEST(Suspect, OneThatAnswersAgainIsNoSuspectAnyMore) {
  RawUpstream other(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("other"); }));
  Limits limits;
  limits.suspect_time = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits, 1);
  const Address address = vacant_address();
  ASSERT_TRUE(fixture.adopt(
      {serving({{1, 100, {endpoint("back", address), endpoint("other", other.address())}}})}));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_EQ(client.read_message().body, "other");
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("back"); }), address);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  std::string body;
  while (body != "back" && std::chrono::steady_clock::now() < deadline) {
    client.write(request());
    body = client.read_message().body;
  }
  EXPECT_EQ(body, "back");
}

}  // namespace
}  // namespace hitless::gateway
