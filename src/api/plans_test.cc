// Plans, their hashes and the rollout policy on the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/plan_answers.h"
#include "tests/support/api_fixture.h"

namespace hitless::api {
namespace {

using model::Strategy;
using std::chrono::seconds;

class Plans : public testing::ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    if (HasFatalFailure()) return;
    model_ = add_model("0.0.1");
    other_ = add_model("0.0.2");
    id_ = add_service("speech", model_);
    path_ = "/services/" + id_;
    change_ = R"("config":[)" + entry(other_) + "]";
  }

  net::HttpResponse put(const std::string& body, const std::string& header) {
    return send({"PUT",
                 "/v1/" + std::string(testing::k_project) + path_,
                 {{"X-Hitless-Plan", header}},
                 body});
  }

  std::string message(const net::HttpResponse& response) {
    return text(object_of(response), "error_msg");
  }

  std::string model_, other_, id_, path_, change_;
};

TEST_F(Plans, AreAppliedByTheHashInTheHeaderOrNotAtAll) {
  const std::string hash = text(ask("POST", path_ + "/plan", "{" + change_ + "}"), "plan_hash");
  EXPECT_EQ(refusal(put("{" + change_ + "}", "old")), "409 HITLESS.0409");
  EXPECT_EQ(ask("GET", path_).at("hitless").at("revision"), 1) << "nothing may have changed";
  EXPECT_EQ(put("{" + change_ + "}", hash).status, 200);
  EXPECT_EQ(ask("GET", path_).at("hitless").at("revision"), 2);
  EXPECT_EQ(refusal(put("{" + change_ + "}", hash)), "409 HITLESS.0409") << "the world has moved";
}

TEST_F(Plans, OfAStatusStopOrStartTheService) {
  const json::object plan = ask("POST", path_ + "/plan", R"({"status":"stopped"})");
  EXPECT_EQ(text(plan, "kind"), "stop");
  EXPECT_EQ(plan.at("instances_stopped"), 2);
  EXPECT_EQ(refusal(put(R"({"status":"stopped"})", "old")), "409 HITLESS.0409");
  EXPECT_EQ(text(ask("GET", path_), "status"), "running") << "nothing may have changed";
  EXPECT_EQ(refusal(call("POST", path_ + "/plan", R"({"status":"running"})")),
            "400 ModelArts.3519");
  EXPECT_EQ(refusal(call("POST", path_ + "/plan", R"({"status":"away"})")), "400 ModelArts.0101");
  EXPECT_EQ(put(R"({"status":"stopped"})", text(plan, "plan_hash")).status, 200);
  EXPECT_EQ(text(ask("GET", path_), "status"), "stopped");
  EXPECT_EQ(text(ask("POST", path_ + "/plan", R"({"status":"running"})"), "kind"), "deploy");
}

TEST_F(Plans, SayWhatOfTheBodyIsIgnored) {
  EXPECT_FALSE(
      ask("POST", path_ + "/plan", "{" + change_ + R"(,"priority":2})").contains("ignored"));
  const json::object odd =
      ask("POST", path_ + "/plan", "{" + change_ + R"(,"rollout_plicy":{"strategy":"canary"}})");
  EXPECT_EQ(to_json_text(odd.at("ignored")), R"(["rollout_plicy"])");
  const json::object stop = ask("POST", path_ + "/plan", "{" + change_ + R"(,"status":"stopped"})");
  EXPECT_EQ(to_json_text(stop.at("ignored")), R"(["config"])");
}

TEST_F(Plans, TakeOneHashPerRequest) {
  EXPECT_EQ(refusal(put("{" + change_ + R"(,"plan_hash":"a"})", "b")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(put("{}", "old")), "409 HITLESS.0409");
}

TEST_F(Plans, NameModelsBesideTheirIds) {
  const json::object plan = ask("POST", path_ + "/plan", "{" + change_ + "}");
  const json::object& row = plan.at("entries").get_array().at(0).get_object();
  EXPECT_EQ(text(row, "action"), "replace");
  EXPECT_EQ(text(row, "model"), "vad 0.0.2");
  EXPECT_EQ(text(row, "model_before"), "vad 0.0.1");
}

TEST_F(Plans, NameModelsInRolloutsToo) {
  ask("PUT", path_, "{" + change_ + "}");
  const std::string id =
      text(ask("GET", path_ + "/rollouts").at("rollouts").at(0).get_object(), "rollout_id");
  const auto row = [&] {
    const json::object rollout = ask("GET", "/rollouts/" + id);
    return rollout.at("plan").at("entries").at(0).get_object();
  };
  EXPECT_EQ(text(row(), "model"), "vad 0.0.2");
  EXPECT_EQ(text(row(), "model_before"), "vad 0.0.1");
  ASSERT_TRUE(store().remove_revision(model::ServiceId(id_), 1));
  EXPECT_EQ(text(row(), "model"), "vad 0.0.2");
  EXPECT_FALSE(row().contains("model_before")) << "nobody knows any more";
}

TEST_F(Plans, RolloutPolicyIsKeptAndAnswered) {
  const json::object usual = ask("GET", path_).at("rollout_policy").get_object();
  EXPECT_FALSE(usual.contains("strategy"));
  EXPECT_EQ(text(usual, "overlap"), "supersede");
  const std::string policy =
      R"({"strategy":"canary","steps":[{"weight":5,"bake_seconds":60}],"overlap":"queue",)"
      R"("judgement":{"silence":"wait"},"drop_budget":3,"slow_start_seconds":1.5})";
  ask("PUT", path_, R"({"rollout_policy":)" + policy + "}");
  const json::object shown = ask("GET", path_).at("rollout_policy").get_object();
  EXPECT_EQ(text(shown, "strategy"), "canary");
  EXPECT_EQ(shown.at("steps").get_array().at(0).at("weight"), 5);
  EXPECT_EQ(text(shown.at("judgement").get_object(), "silence"), "wait");
  EXPECT_EQ(shown.at("drop_budget"), 3);
  // What was read may be sent back; another change keeps it.
  ask("PUT", path_, R"({"rollout_policy":)" + to_json_text(shown) + "}");
  ask("PUT", path_, "{" + change_ + "}");
  EXPECT_EQ(ask("GET", path_).at("rollout_policy").get_object(), shown);

  const json::object created =
      ask("POST", "/services",
          service_body("other", entry(model_), R"(,"rollout_policy":{"strategy":"surge"})"));
  const json::object other = ask("GET", "/services/" + text(created, "service_id"));
  EXPECT_EQ(text(other.at("rollout_policy").get_object(), "strategy"), "surge");
}

TEST_F(Plans, RolloutPolicyIsRefusedWithItsField) {
  struct Row {
    const char* policy;
    const char* field;
  };
  const Row rows[] = {
      {R"(5)", "[rollout_policy]"},
      {R"({"speed":1})", "[rollout_policy.speed]"},
      {R"({"strategy":"fast"})", "[rollout_policy.strategy]"},
      {R"({"strategy":"none"})", "[rollout_policy.strategy]"},
      {R"({"steps":[{"weight":10}]})", "[rollout_policy.steps]"},
      {R"({"strategy":"surge","bake_seconds":5})", "[rollout_policy.bake_seconds]"},
      {R"({"drop_budget":-1})", "[rollout_policy.drop_budget]"},
      {R"({"overlap":"wait"})", "[rollout_policy.overlap]"},
  };
  for (const Row& row : rows) {
    const std::string body = R"({"rollout_policy":)" + std::string(row.policy) + "}";
    for (const auto& [method, path] :
         {std::pair("PUT", path_), std::pair("POST", path_ + "/plan")}) {
      const net::HttpResponse response = call(method, path, body);
      EXPECT_EQ(refusal(response), "400 ModelArts.0101") << row.policy;
      EXPECT_NE(message(response).find(row.field), std::string::npos) << message(response);
    }
  }
  EXPECT_EQ(ask("GET", path_).at("hitless").at("revision"), 1);
}

TEST_F(Plans, TrafficPolicyIsKeptAndAnswered) {
  EXPECT_EQ(to_json_text(ask("GET", path_).at("traffic_policy")), "{}");
  ask("PUT", path_,
      R"({"traffic_policy":{"rate_limit":{"requests":5},"concurrency_limit":3,)"
      R"("sticky":{"cookie":"sid"},"circuit_breaker":{"failures":4}}})");
  const json::object shown = ask("GET", path_).at("traffic_policy").get_object();
  EXPECT_EQ(to_json_text(shown.at("rate_limit")), R"({"requests":5,"seconds":1,"burst":5})");
  EXPECT_EQ(shown.at("concurrency_limit"), 3);
  EXPECT_EQ(text(shown.at("sticky").get_object(), "cookie"), "sid");
  EXPECT_EQ(shown.at("circuit_breaker").at("open_seconds"), 5.0);
  // What was read may be sent back; another change keeps it; it is sent whole.
  ask("PUT", path_, R"({"traffic_policy":)" + to_json_text(shown) + "}");
  ask("PUT", path_, "{" + change_ + "}");
  EXPECT_EQ(ask("GET", path_).at("traffic_policy").get_object(), shown);
  ask("PUT", path_, R"({"traffic_policy":{"concurrency_limit":4}})");
  EXPECT_EQ(to_json_text(ask("GET", path_).at("traffic_policy")), R"({"concurrency_limit":4})");
  const json::object revisions = ask("GET", path_ + "/revisions");
  const json::object& newest = revisions.at("revisions").get_array().back().get_object();
  EXPECT_EQ(to_json_text(newest.at("traffic_policy")), R"({"concurrency_limit":4})");

  const json::object created =
      ask("POST", "/services",
          service_body("other", entry(model_), R"(,"traffic_policy":{"concurrency_limit":9})"));
  const json::object other = ask("GET", "/services/" + text(created, "service_id"));
  EXPECT_EQ(to_json_text(other.at("traffic_policy")), R"({"concurrency_limit":9})");
}

TEST_F(Plans, TrafficPolicyIsRefusedWithItsField) {
  struct Row {
    const char* policy;
    const char* field;
  };
  const Row rows[] = {
      {R"(5)", "[traffic_policy]"},
      {R"({"speed":1})", "[traffic_policy.speed]"},
      {R"({"rate_limit":{"requests":0}})", "[traffic_policy.rate_limit.requests]"},
      {R"({"concurrency_limit":-1})", "[traffic_policy.concurrency_limit]"},
      {R"({"sticky":{"header":"Authorization"}})", "[traffic_policy.sticky.header]"},
      {R"({"circuit_breaker":{"failures":1001}})", "[traffic_policy.circuit_breaker.failures]"},
      {R"({"stream_drain_seconds":0})", "[traffic_policy.stream_drain_seconds]"},
  };
  for (const Row& row : rows) {
    const std::string body = R"({"traffic_policy":)" + std::string(row.policy) + "}";
    for (const auto& [method, path] :
         {std::pair("PUT", path_), std::pair("POST", path_ + "/plan")}) {
      const net::HttpResponse response = call(method, path, body);
      EXPECT_EQ(refusal(response), "400 ModelArts.0101") << row.policy;
      EXPECT_NE(message(response).find(row.field), std::string::npos) << message(response);
    }
  }
  EXPECT_EQ(ask("GET", path_).at("hitless").at("revision"), 1);
}

TEST_F(Plans, SurgeAndUnavailableBothZeroAreRefused) {
  const net::HttpResponse response = call(
      "PUT", path_,
      R"({"config":[)" +
          entry(other_, R"(,"additional_properties":{"max_surge":0,"max_unavailable":0})") + "]}");
  EXPECT_EQ(refusal(response), "400 ModelArts.0101");
  EXPECT_NE(message(response).find("max_surge] and [config[0].additional_properties."
                                   "max_unavailable] are both 0"),
            std::string::npos)
      << message(response);
}

TEST_F(Plans, WhatNeverChangesIsRefusedByName) {
  const std::string id =
      text(ask("POST", "/services",
               service_body("fixed", entry(model_),
                            R"(,"vpc_id":"v1","additional_properties":{"websocket_upgrade":true,)"
                            R"("log_report_channels":[{"type":"LTS"}]})")),
           "service_id");
  const char* bodies[][2] = {
      {R"({"service_name":"x"})", "[service_name]"},
      {R"({"infer_type":"batch"})", "[infer_type]"},
      {R"({"vpc_id":"v2"})", "[vpc_id]"},
      {R"({"additional_properties":{"websocket_upgrade":false}})", "websocket_upgrade]"},
      {R"({"additional_properties":{"log_report_channels":[]}})", "log_report_channels]"},
  };
  for (const auto& [body, field] : bodies) {
    const net::HttpResponse response = call("PUT", "/services/" + id, body);
    EXPECT_EQ(refusal(response), "400 ModelArts.0101") << body;
    EXPECT_NE(message(response).find(field), std::string::npos) << message(response);
  }
  ask("PUT", "/services/" + id,
      R"({"service_name":"fixed","vpc_id":"v1","additional_properties":{"websocket_upgrade":true}})");
}

model::Plan some_plan(Strategy strategy, int from, int to) {
  model::Plan plan;
  plan.from = 1;
  plan.to = 2;
  plan.strategy = strategy;
  model::Slot& slot = plan.slots.emplace_back();
  slot.from = model::Group{.key = "a", .revision = 1, .count = from};
  slot.to = model::Group{.key = "b", .revision = 2, .count = to};
  slot.surge = 1;
  plan.forecast.lowest = from - (strategy == Strategy::hold_and_swap ? 1 : 0);
  return plan;
}

TEST(PlanAnswer, HasWhatIsExpected) {
  model::Plan plan = some_plan(Strategy::hold_and_swap, 1, 1);
  plan.hold = seconds(30);
  plan.forecast = {.lowest = 0,
                   .highest = 1,
                   .longest_hold = seconds(4),
                   .predicted = seconds(5),
                   .proof = seconds(10),
                   .samples = {{.step = 1,
                                .is_alone = true,
                                .old_rate = 0.2,
                                .new_rate = 0.5,
                                .requests = 40,
                                .requests_within = 70}},
                   .hitless = false,
                   .unmet = {"requests are parked"}};
  const json::object out = plan_to_json(plan);
  EXPECT_EQ(out.at("lowest"), 0);
  EXPECT_EQ(out.at("highest"), 1);
  EXPECT_EQ(out.at("hold_seconds"), 30.0);
  EXPECT_EQ(out.at("longest_hold_seconds"), 4.0);
  EXPECT_EQ(out.at("predicted_seconds"), 5.0);
  EXPECT_EQ(out.at("predicted_most_seconds"), 15.0);
  const json::object& sample = out.at("samples").at(0).as_object();
  EXPECT_EQ(sample.at("step"), 1);
  EXPECT_EQ(sample.at("alone"), true);
  EXPECT_EQ(sample.at("old_error_rate"), 0.2);
  EXPECT_EQ(sample.at("new_error_rate"), 0.5);
  EXPECT_EQ(sample.at("requests"), 40);
  EXPECT_EQ(sample.at("requests_within"), 70);
  EXPECT_EQ(out.at("hitless"), false);
  EXPECT_EQ(out.at("unmet").get_array().size(), 1u);
  EXPECT_EQ(out.at("instances_kept"), 0);
  plan.forecast.predicted.reset();
  EXPECT_FALSE(plan_to_json(plan).contains("predicted_seconds"));
}

TEST(PlanAnswer, SaysWhetherTheNewVersionWillBeJudged) {
  const auto judged = [](const model::Plan& plan) {
    const std::vector<std::string> lines = sentences_of(plan);
    return lines.at(lines.size() - 2);  // the last one is the way back
  };
  EXPECT_EQ(judged(some_plan(Strategy::hold_and_swap, 1, 1)),
            "not judged: old and new never serve side by side");
  EXPECT_TRUE(judged(some_plan(Strategy::hold_and_swap, 2, 2)).starts_with("judged: "));
  model::Plan alone = some_plan(Strategy::hold_and_swap, 1, 1);
  alone.hold = seconds(30);
  alone.forecast.proof = seconds(10);
  EXPECT_EQ(judged(alone),
            "judged: only what is bad by far, once nothing of revision 1 is left to compare with, "
            "for up to 10 s if requests come");
  model::Plan canary = some_plan(Strategy::canary, 4, 4);
  canary.steps = {{10, seconds(60)}, {100, {}}};
  EXPECT_EQ(judged(canary), "judged: errors and latency against revision 1 at each step");
  model::Plan off = some_plan(Strategy::surge, 2, 2);
  off.judgement.enabled = false;
  EXPECT_EQ(judged(off), "not judged: judgement is off");
  model::Plan scale = some_plan(Strategy::none, 2, 4);
  scale.slots[0].to->key = "a";
  EXPECT_EQ(judged(scale), "not judged: only weights or counts change");
}

TEST(PlanAnswer, SaysWhereTrafficMoves) {
  model::Plan plan = some_plan(Strategy::none, 2, 2);
  plan.slots[0].to->key = "a";
  plan.slots[0].from->weight = 100;
  plan.slots[0].to->weight = 90;
  model::Slot& fresh = plan.slots.emplace_back();
  fresh.to = model::Group{.key = "b", .revision = 2, .entry = 1, .count = 1, .weight = 10};
  EXPECT_THAT(
      sentences_of(plan),
      ::testing::ElementsAre("start 1 instance of config[1]",
                             "send 90 % to config[0] (100 % now), 10 % to config[1] (new)",
                             "not judged: no version takes another's place, each has its share",
                             "if any of this fails, go back to revision 1"));

  plan.slots.back().from = plan.slots.back().to;
  plan.slots.back().to->weight = 40;
  plan.slots.front().from->weight = 90;
  plan.slots.front().to->weight = 60;
  EXPECT_THAT(
      sentences_of(plan),
      ::testing::ElementsAre("publish it: no instance is touched",
                             "send 60 % to config[0] (90 % now), 40 % to config[1] (10 % now)"));

  plan.slots.back().to.reset();
  plan.slots.front().to->weight = 100;
  EXPECT_THAT(sentences_of(plan),
              ::testing::ElementsAre(
                  "send 100 % to config[0] (90 % now)",
                  "take 1 instance out of the route, let it finish what it has and stop it",
                  "not judged: only weights or counts change",
                  "if any of this fails, go back to revision 1"));
}

TEST(PlanAnswer, TellsWhatSampleTheJudgementNeeds) {
  model::Plan canary = some_plan(Strategy::canary, 4, 4);
  canary.steps = {{10, seconds(60)}, {100, {}}};
  canary.forecast.samples = {{.step = 0,
                              .is_alone = false,
                              .old_rate = 0.01,
                              .new_rate = 0.02,
                              .requests = 2700,
                              .requests_within = 5900},
                             {.step = 1,
                              .is_alone = true,
                              .old_rate = 0.2,
                              .new_rate = 0.5,
                              .requests = 40,
                              .requests_within = 70}};
  const std::vector<std::string> lines = sentences_of(canary);
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(lines[lines.size() - 3],
            "judged by about 2700 requests of the new version where 2 % of its answers are wrong "
            "and 1 % of the old one's: 95 of 100 times 5900 do; an equal version is taken back 1 "
            "of 100 times at the most");
  EXPECT_EQ(lines[lines.size() - 2],
            "judged once all calls go to it: more than 20 % of wrong answers alone; half of them "
            "wrong show in about 40 requests");
}

TEST(PlanAnswer, SaysWhereAPolicyOfSilenceHasNoSay) {
  model::Plan surge = some_plan(Strategy::surge, 2, 2);
  surge.judgement.silence = model::Silence::wait;
  const std::vector<std::string> lines = sentences_of(surge);
  EXPECT_EQ(lines[lines.size() - 2],
            "goes on where nobody calls: silence wait is for the bakes of steps, and there are "
            "none");
  model::Plan canary = some_plan(Strategy::canary, 4, 4);
  canary.judgement.silence = model::Silence::wait;
  canary.steps = {{10, seconds(60)}, {100, {}}};
  for (const std::string& line : sentences_of(canary)) {
    EXPECT_EQ(line.find("silence"), std::string::npos) << line;
  }
}

TEST(PlanAnswer, TellsTheStepsOfEachStrategy) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(sentences_of(some_plan(Strategy::surge, 2, 2)),
            (Lines{"start 2 new instances, up to 1 beside the old ones at once; each gets traffic "
                   "when it answers its probe",
                   "for each that serves, let an old one finish its requests, and stop it",
                   "judged: errors and latency against revision 1 while both serve; for a verdict "
                   "the last old one stays up to 10 s longer, if requests come",
                   "if any of this fails, go back to revision 1"}));
  model::Plan swap = some_plan(Strategy::hold_and_swap, 1, 1);
  swap.hold = seconds(30);
  EXPECT_EQ(sentences_of(swap)[1],
            "start a new one in its place; requests are parked meanwhile, for up to 30 s");
  model::Plan canary = some_plan(Strategy::canary, 4, 4);
  canary.steps = {{10, seconds(60)}, {100, {}}};
  EXPECT_EQ(sentences_of(canary)[0],
            "put 10 % of the traffic on 1 new instance for 1 min, and judge");
  EXPECT_EQ(sentences_of(canary)[1], "put all traffic on 4 new instances");
  model::Plan green = some_plan(Strategy::blue_green, 2, 2);
  green.steps = {{100, seconds(9)}};
  EXPECT_EQ(sentences_of(green)[2], "keep the old ones warm for 9 s and judge");
  model::Plan scale = some_plan(Strategy::none, 2, 4);
  scale.slots[0].to->key = "a";
  EXPECT_EQ(sentences_of(scale)[0], "start 2 instances more of config[0]");
  scale.slots[0].to->count = 1;
  EXPECT_EQ(sentences_of(scale)[0],
            "take 1 instance out of the route, let it finish what it has and stop it");
  scale.slots[0].to->count = 2;
  EXPECT_EQ(sentences_of(scale), Lines{"publish it: no instance is touched"});
}

}  // namespace
}  // namespace hitless::api
