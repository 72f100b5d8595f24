// Warm-up requests with the real binary: before a version gets traffic, and in place of traffic
// that does not come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

// A call of the pretend model, whose answer must name this version.
json::array expecting(const std::string& version) {
  return {{{"path", "/predict"},
           {"body", {{"x", 1}}},
           {"fields",
            {{{"pointer", "/version"}, {"value", version}},
             {{"pointer", "/bytes"}, {"value", 8}, {"absolute", 2}}}}}};
}

class WarmUp : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  std::string import_warm(const std::string& version, const json::array& warm_up,
                          const std::vector<std::string>& flags = {}) {
    return import_model(
        hitless(),
        {.version = version, .flags = flags, .initial_delay_seconds = 0, .warm_up = warm_up});
  }

  // A service that nobody calls.
  void serve(const std::string& model, int count = 2) {
    service_ = std::make_unique<PretendService>(
        hitless(), "silent", std::vector<Entry>{{.model_id = model, .count = count}});
    last_rollout_ = service().newest_rollout();
    ASSERT_EQ(service().wait_for_end(last_rollout()), "succeeded")
        << to_json_text(service().rollout(last_rollout()));
  }

  // Half of it, then all, each as long as it takes to be judged by warm-up requests.
  std::string canary(const std::string& model, int count = 2) {
    const json::object policy{
        {"strategy", "canary"},
        {"steps",
         {{{"weight", 50}, {"bake_seconds", 0.2}}, {{"weight", 100}, {"bake_seconds", 0}}}},
        {"judgement", {{"silence", "warm_up"}}}};
    const ApiAnswer answer =
        hitless().api("PUT", service().path(),
                      json::object{{"config", to_config({{.model_id = model, .count = count}})},
                                   {"rollout_policy", policy}});
    EXPECT_EQ(answer.status, 200) << answer.text;
    last_rollout_ = service().newest_rollout();
    return service().wait_for_end(last_rollout());
  }

  json::object rollout() { return service().rollout(last_rollout()); }

  // One measure of the evidence.
  json::object measure(std::string_view name) {
    const json::object now = rollout();
    const json::value* evidence = now.if_contains("evidence");
    if (evidence == nullptr || !evidence->is_object()) return {};
    for (const json::value& each : evidence->at("measures").as_array()) {
      if (each.at("name").as_string() == name) return each.as_object();
    }
    return {};
  }

  static std::int64_t count(const json::object& from, std::string_view name) {
    const json::value* value = from.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : -1;
  }
};

TEST_F(WarmUp, AVersionThatAnswersWrongNeverGetsTraffic) {
  const std::string v1 = import("v1");
  const std::string v2 = import_warm("v2", expecting("v3"));
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}), "rolled_back");
  const std::string reason(rollout().at("reason").as_string());
  EXPECT_NE(reason.find("never became ready: warm-up request 1: POST /predict answered 200, but "
                        "field /version is \"v2\", expected \"v3\""),
            std::string::npos)
      << reason;
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  EXPECT_EQ(load().totals().good_of("v2"), 0U);
  expect_counted_alike();
}

TEST_F(WarmUp, AVersionThatAnswersRightIsPromoted) {
  const std::string v1 = import("v1");
  const std::string v2 = import_warm("v2", expecting("v2"));
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}), "succeeded");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  EXPECT_GT(load().totals().good_of("v2"), 0U);
  expect_counted_alike();
  const CommandOutcome shown =
      hitless().run({"--state", hitless().state().string(), "model", "show", v2});
  EXPECT_NE(shown.output.find("1 request: POST /predict"), std::string::npos) << shown.output;
}

TEST_F(WarmUp, WhatIsRoutedIsNotWarmedUpAgainByTheNextServe) {
  const std::string v1 = import_warm("v1", expecting("v1"), {"--fail-after", "1"});
  serve(v1);
  hitless().kill_serve();
  hitless().start_serve();
  // Two rounds of health checks (1 s each) after which a failed warm-up would show.
  const auto routed = [this] {
    const json::array live = service().live_instances();
    return live.size() == 2 && std::all_of(live.begin(), live.end(), [](const json::value& each) {
             return each.at("state").as_string() == "routed";
           });
  };
  ASSERT_TRUE(eventually(routed));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  eventually([&] { return !routed() || std::chrono::steady_clock::now() > until; });
  EXPECT_TRUE(routed());
  EXPECT_EQ(service().status(), "running");
}

TEST_F(WarmUp, ACanaryWithoutTrafficThatAnswers500IsTakenBack) {
  const std::string v1 = import("v1");
  const std::string v2 = import_warm("v2", expecting("v2"), {"--fail-after", "1"});
  serve(v1);
  EXPECT_EQ(canary(v2), "rolled_back");
  const json::object errors = measure("errors");
  EXPECT_GE(count(errors, "new_total"), 50) << to_json_text(rollout());
  EXPECT_EQ(count(errors, "new_events"), count(errors, "new_total"));
  EXPECT_GE(count(errors, "old_total"), 40) << to_json_text(rollout());
  EXPECT_EQ(count(errors, "old_events"), 0);
  const std::string reason(rollout().at("reason").as_string());
  EXPECT_NE(reason.find("errors: "), std::string::npos) << reason;
  EXPECT_EQ(service().status(), "running");
  EXPECT_TRUE(eventually([this] { return service().live_instances().size() == 2; }));
}

TEST_F(WarmUp, AGoodCanaryWithoutTrafficIsPromotedWithItsEvidence) {
  const std::string v1 = import_warm("v1", expecting("v1"));
  const std::string v2 = import_warm("v2", expecting("v2"));
  serve(v1);
  EXPECT_EQ(canary(v2), "succeeded") << to_json_text(rollout());
  const json::array steps = rollout().at("earlier_evidence").as_array();
  ASSERT_EQ(steps.size(), 1U) << to_json_text(rollout());
  const json::object errors = steps[0].at("measures").at(0).as_object();
  EXPECT_EQ(errors.at("name").as_string(), "errors");
  EXPECT_GE(count(errors, "new_total"), 50) << to_json_text(rollout());
  EXPECT_EQ(count(errors, "new_events"), 0);
  EXPECT_GE(count(errors, "old_total"), 40) << to_json_text(rollout());
  EXPECT_EQ(count(errors, "old_events"), 0);
  EXPECT_GE(count(measure("errors"), "alone_total"), 50) << "the step that is all traffic's";
}

TEST_F(WarmUp, ACanaryOfAModelWithoutWarmUpRequestsAdvances) {
  const std::string v1 = import_warm("v1", expecting("v1"));
  const std::string v2 = import("v2");
  serve(v1);
  EXPECT_EQ(canary(v2), "succeeded") << to_json_text(rollout());
}

TEST_F(WarmUp, SamplesGoOnWhenServeIsKilled) {
  const std::string v1 = import("v1");
  const std::string v2 = import_warm("v2", expecting("v2"), {"--answer-delay-ms", "20"});
  serve(v1);
  const json::object policy{
      {"strategy", "canary"},
      {"steps", {{{"weight", 100}, {"bake_seconds", 0}}}},
      {"judgement", {{"silence", "warm_up"}, {"latency_slack_ms", 1000}, {"tail_slack_ms", 1000}}}};
  const ApiAnswer answer =
      hitless().api("PUT", service().path(),
                    json::object{{"config", to_config({{.model_id = v2, .count = 2}})},
                                 {"rollout_policy", policy}});
  ASSERT_EQ(answer.status, 200) << answer.text;
  last_rollout_ = service().newest_rollout();
  ASSERT_TRUE(eventually([this] { return count(measure("errors"), "alone_total") >= 5; }))
      << to_json_text(rollout());
  hitless().kill_serve();
  hitless().start_serve();
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded") << to_json_text(rollout());
  EXPECT_GE(count(measure("errors"), "alone_total"), 50) << to_json_text(rollout());
}

}  // namespace
}  // namespace hitless::tests
