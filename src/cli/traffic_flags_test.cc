#include "cli/traffic_flags.h"

#include <gtest/gtest.h>

namespace hitless::cli {
namespace {

json::object object(const char* text) {
  return parse_json(text).value().get_object();
}

std::string policy_of(const TrafficFlags& flags, const json::object& service = {},
                      json::object body = {}) {
  const auto done = apply_traffic(flags, service, body);
  if (!done) return done.error().text();
  const json::value* policy = body.if_contains("traffic_policy");
  return policy == nullptr ? "" : to_json_text(*policy);
}

TEST(TrafficFlags, AreReadInTheFormsTheHelpNames) {
  EXPECT_EQ(policy_of({}), "");
  EXPECT_EQ(policy_of({.rate_limit = "100"}), R"({"rate_limit":{"requests":100}})");
  EXPECT_EQ(policy_of({.rate_limit = "100/s"}), R"({"rate_limit":{"requests":100,"seconds":1}})");
  EXPECT_EQ(policy_of({.rate_limit = "10/2m:20"}),
            R"({"rate_limit":{"requests":10,"seconds":120,"burst":20}})");
  EXPECT_EQ(policy_of({.concurrency_limit = "32"}), R"({"concurrency_limit":32})");
  EXPECT_EQ(policy_of({.sticky = "header:X-Session"}), R"({"sticky":{"header":"X-Session"}})");
  EXPECT_EQ(policy_of({.sticky = "cookie:sid"}), R"({"sticky":{"cookie":"sid"}})");
  EXPECT_EQ(policy_of({.circuit_breaker = "5"}), R"({"circuit_breaker":{"failures":5}})");
  EXPECT_EQ(policy_of({.circuit_breaker = "5:2s"}),
            R"({"circuit_breaker":{"failures":5,"open_seconds":2E0}})");
  EXPECT_EQ(policy_of({.stream_drain = "2m"}), R"({"stream_drain_seconds":1.2E2})");
}

TEST(TrafficFlags, ChangeWhatTheServiceHasAndTakeItBack) {
  const json::object service =
      object(R"({"traffic_policy":{"rate_limit":{"requests":1},"concurrency_limit":5}})");
  EXPECT_EQ(policy_of({.concurrency_limit = "6"}, service),
            R"({"rate_limit":{"requests":1},"concurrency_limit":6})");
  EXPECT_EQ(policy_of({.rate_limit = "none"}, service), R"({"concurrency_limit":5})");
  EXPECT_EQ(policy_of({.rate_limit = "none", .concurrency_limit = "none"}, service), "{}");
  EXPECT_EQ(policy_of({.concurrency_limit = "6"}, service, object(R"({"traffic_policy":{}})")),
            R"({"concurrency_limit":6})");
}

TEST(TrafficFlags, AreRefusedWithTheirName) {
  for (const char* rate : {"fast", "1.5", "10/", "10/0.5s", "10:", "10:x", "/s"}) {
    EXPECT_NE(policy_of({.rate_limit = rate}).find("--rate-limit"), std::string::npos) << rate;
  }
  EXPECT_NE(policy_of({.concurrency_limit = "x"}).find("--concurrency-limit"), std::string::npos);
  for (const char* sticky : {"X-Session", "header:", "path:/a"}) {
    EXPECT_NE(policy_of({.sticky = sticky}).find("--sticky"), std::string::npos) << sticky;
  }
  for (const char* breaker : {"x", "5:", "5:soon"}) {
    EXPECT_NE(policy_of({.circuit_breaker = breaker}).find("--circuit-breaker"), std::string::npos)
        << breaker;
  }
  EXPECT_NE(policy_of({.stream_drain = "soon"}).find("--stream-drain"), std::string::npos);
}

TEST(TrafficText, SaysWhatIsSetAndWhatWasRefused) {
  EXPECT_EQ(traffic_text({}), "");
  EXPECT_EQ(traffic_text(object(R"({"traffic_policy":{"rate_limit":{"requests":10,"seconds":60},
                                    "sticky":{"cookie":"sid"}}})")),
            "rate limit 10 in 60 s, burst 10; sticky cookie sid");
  EXPECT_EQ(traffic_text(object(R"({"traffic_policy":{"stream_drain_seconds":90}})")),
            "stream drain seconds 90");
  EXPECT_EQ(refused_text({}), "");
  EXPECT_EQ(refused_text(object(R"({"hitless":{"refused":{"rate_limit":7,"concurrency_limit":0,
                                    "circuit_open":2}}})")),
            "7 by its rate limit, 2 by open circuits");
}

}  // namespace
}  // namespace hitless::cli
