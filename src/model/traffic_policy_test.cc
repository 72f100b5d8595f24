#include "model/traffic_policy.h"

#include <gtest/gtest.h>

#include "model/plan.h"
#include "model/route.h"

namespace hitless::model {
namespace {

Result<TrafficPolicy> read(const std::string& text) {
  return traffic_policy_from_json(parse_json(text).value());
}

TrafficPolicy any_policy() {
  return {.rate = {.requests = 10, .seconds = 60, .burst = 3},
          .concurrency = 7,
          .sticky = {Sticky::By::cookie, "sid"},
          .breaker = {.failures = 4, .open = std::chrono::milliseconds(1500)},
          .stream_drain = std::chrono::seconds(90)};
}

TEST(TrafficPolicy, GoesAroundWithWhatIsSetAndNothingElse) {
  EXPECT_EQ(to_json_text(to_json(TrafficPolicy())), "{}");
  for (const Sticky& sticky : {Sticky{}, Sticky{Sticky::By::header, "X-Session"}}) {
    TrafficPolicy policy = any_policy();
    policy.sticky = sticky;
    const auto back = traffic_policy_from_json(to_json(policy));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, policy);
  }
}

TEST(TrafficPolicy, FillsInWhatIsLeftOut) {
  const auto policy = read(R"({"rate_limit":{"requests":5},"circuit_breaker":{"failures":2}})");
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(policy->rate, (RateLimit{.requests = 5, .seconds = 1, .burst = 5}));
  EXPECT_EQ(policy->breaker.open, std::chrono::seconds(5));
  EXPECT_EQ(policy->concurrency, 0);
  EXPECT_EQ(policy->sticky, Sticky());
  EXPECT_EQ(policy->stream_drain, k_stream_drain);
  EXPECT_EQ(*read(R"({"rate_limit":null,"sticky":null,"concurrency_limit":null})"),
            TrafficPolicy());
}

TEST(TrafficPolicy, RefusalsNameTheField) {
  struct Row {
    const char* policy;
    const char* field;
  };
  const Row rows[] = {
      {R"({"speed":1})", "[speed]"},
      {R"({"rate_limit":5})", "[rate_limit]"},
      {R"({"rate_limit":{}})", "[rate_limit.requests]"},
      {R"({"rate_limit":{"requests":0}})", "[rate_limit.requests]"},
      {R"({"rate_limit":{"requests":1000001}})", "[rate_limit.requests]"},
      {R"({"rate_limit":{"requests":1.5}})", "[rate_limit.requests]"},
      {R"({"rate_limit":{"requests":1,"seconds":3601}})", "[rate_limit.seconds]"},
      {R"({"rate_limit":{"requests":1,"burst":0}})", "[rate_limit.burst]"},
      {R"({"rate_limit":{"requests":1,"minutes":1}})", "[rate_limit.minutes]"},
      {R"({"concurrency_limit":0})", "[concurrency_limit]"},
      {R"({"concurrency_limit":"5"})", "[concurrency_limit]"},
      {R"({"sticky":{}})", "[sticky"},
      {R"({"sticky":{"header":"a","cookie":"b"}})", "[sticky"},
      {R"({"sticky":{"header":"a b"}})", "[sticky.header]"},
      {R"({"sticky":{"header":""}})", "[sticky.header]"},
      {R"({"sticky":{"header":"Authorization"}})", "[sticky.header]"},
      {R"({"sticky":{"cookie":"a=b"}})", "[sticky.cookie]"},
      {R"({"sticky":{"cookie":"a;b"}})", "[sticky.cookie]"},
      {R"({"circuit_breaker":{}})", "[circuit_breaker.failures]"},
      {R"({"circuit_breaker":{"failures":0}})", "[circuit_breaker.failures]"},
      {R"({"circuit_breaker":{"failures":1,"open_seconds":0}})", "[circuit_breaker.open_seconds]"},
      {R"({"circuit_breaker":{"failures":1,"open_seconds":"5"}})",
       "[circuit_breaker.open_seconds]"},
      {R"({"stream_drain_seconds":0})", "[stream_drain_seconds]"},
      {R"({"stream_drain_seconds":604801})", "[stream_drain_seconds]"},
      {R"({"stream_drain_seconds":"60"})", "[stream_drain_seconds]"},
  };
  for (const Row& row : rows) {
    const auto policy = read(row.policy);
    ASSERT_FALSE(policy) << row.policy;
    EXPECT_EQ(policy.error().code(), Code::invalid) << row.policy;
    EXPECT_NE(policy.error().text().find(row.field), std::string::npos)
        << row.policy << ": " << policy.error().text();
  }
}

TEST(TrafficPolicy, IsInTheRoute) {
  RouteTable table{.generation = 1, .services = {}, .token_digests = {}};
  table.services.emplace_back(ServiceRoute{.service = ServiceId("s"), .traffic = any_policy()});
  table.services.emplace_back(ServiceRoute{.service = ServiceId("t")});
  const auto back = route_table_from_json(parse_json(to_json_text(to_json(table))).value());
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, table);
}

TEST(TrafficPolicy, IsInTheConfigurationAndThePlan) {
  ServiceConfig config;
  config.traffic = any_policy();
  EXPECT_EQ(*service_config_from_json(to_json(config)), config);
  Plan plan;
  plan.traffic = any_policy();
  plan.traffic_from.concurrency = 3;
  EXPECT_EQ(*plan_from_json(to_json(plan)), plan);
  plan.traffic = {};
  EXPECT_EQ(*plan_from_json(to_json(plan)), plan);
}

}  // namespace
}  // namespace hitless::model
