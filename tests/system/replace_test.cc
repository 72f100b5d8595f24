// The real gateway, and real instances with the habits that lose requests behind other proxies:
// each is replaced again and again while kept connections POST.  ./dev bench replace shows what the
// same costs others.
//
// HITLESS_LONG=1: ten times as many requests.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>

#include "tests/support/gateway_process.h"
#include "tests/support/leaving_instances.h"
#include "tests/support/load.h"

namespace hitless::testing {
namespace {

using tests::LeavingInstance;
using tests::LeavingInstances;

constexpr std::size_t k_replacements = 17;  // of each habit: 51 of the three

std::uint64_t requests_wanted() {
  return std::getenv("HITLESS_LONG") != nullptr ? 102'000 : 10'200;  // of each habit
}

std::vector<model::Endpoint> endpoints_of(const LeavingInstances::Routed& instances) {
  std::vector<model::Endpoint> all;
  for (const LeavingInstance* each : instances) {
    all.push_back(endpoint(each->name(), each->address()));
  }
  return all;
}

class Replace : public ::testing::TestWithParam<const char*> {};

TEST_P(Replace, LosesNoRequestAndRepeatsNone) {
  const auto folder = std::move(TemporaryDirectory::make("hitless-replace")).value();
  LeavingInstances instances(GetParam(), folder.path());
  GatewayProcess gateway;
  ASSERT_TRUE(gateway.start(endpoints_of(instances.routed())));
  tests::Load load({.gateway = gateway.address(),
                    .service = k_service,
                    .token = k_token,
                    .kept_connections = 32,
                    .fresh_connections = 0,
                    .chunked_share = 0,
                    .pipelined_share = 0});
  while (instances.replaced() < k_replacements) {
    const std::uint64_t each = requests_wanted() / k_replacements;
    ASSERT_TRUE(load.wait_for(each * (instances.replaced() + 1)));
    EXPECT_TRUE(instances.replace_oldest([&](const auto& routed, const LeavingInstance& leaving) {
      EXPECT_TRUE(gateway.route(endpoints_of(routed)));
      EXPECT_TRUE(gateway.wait_until_drained(leaving.name()));
    }));
  }
  ASSERT_TRUE(load.wait_for(requests_wanted()));
  const tests::Outcome outcome = load.stop();
  EXPECT_GE(outcome.requests, requests_wanted());
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome) << gateway.log();
  EXPECT_EQ(instances.taken(), outcome.good) << "each was taken once";
  // All of them had some of the traffic.
  EXPECT_EQ(outcome.by_revision.size(), k_replacements + 2);
  EXPECT_TRUE(instances.end());
  fmt::print("[ replaced ] {} times, {} requests, {} failed\n", instances.replaced(),
             outcome.requests, outcome.failed());
}

INSTANTIATE_TEST_SUITE_P(OfInstancesThat, Replace, ::testing::ValuesIn(tests::k_habits),
                         [](const auto& habit) { return std::string(habit.param); });

}  // namespace
}  // namespace hitless::testing
