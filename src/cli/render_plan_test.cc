#include "cli/render_plan.h"

#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "cli/policy_flags.h"
#include "tests/support/render_values.h"

namespace hitless::cli {
namespace {

constexpr const char* k_plan = R"({
    "kind": "update", "from_revision": 1, "to_revision": 2, "strategy": "surge",
    "reason": "there is room", "plan_hash": "ab",
    "changes": [
      {"class": "replace", "field": "config[0].model_id", "from": "m1", "to": "m2",
       "from_name": "vad 0.0.1", "to_name": "vad 0.0.2"},
      {"class": "replace", "field": "config[0].envs.LEVEL", "to": "\"2\""},
      {"class": "replace", "field": "config[0].envs.OLD", "from": "\"x\""},
      {"class": "scale", "field": "config[1]", "to": "1 of m3"},
      {"class": "scale", "field": "config[1]", "from": "3 of m4"},
      {"class": "route", "field": "load_balancer_policy", "from": "ROUND_ROBIN", "to": "SOURCE_IP"}],
    "entries": [
      {"action": "replace", "entry": 0, "entry_before": 0, "model": "vad 0.0.2",
       "model_before": "vad 0.0.1", "instances_started": 2, "instances_stopped": 2,
       "instances_kept": 0},
      {"action": "add", "entry": 1, "model": "tts 1.0.0", "instances_started": 1,
       "instances_stopped": 0, "instances_kept": 0},
      {"action": "keep", "entry": 2, "entry_before": 2, "model": "asr 1.0.0",
       "model_before": "asr 1.0.0", "instances_started": 0, "instances_stopped": 0,
       "instances_kept": 2},
      {"action": "remove", "entry_before": 1, "model_before": "ocr 1.0.0",
       "instances_started": 0, "instances_stopped": 3, "instances_kept": 0}],
    "steps": ["start 2 new instances", "stop the old ones"],
    "lowest": 2, "highest": 3, "hold_seconds": 0, "longest_hold_seconds": 0,
    "predicted_seconds": 40, "hitless": true, "unmet": []})";

TEST(PlanText, ReadsFromTheChangeToTheCommand) {
  EXPECT_EQ(render_plan(plain_io(), object(k_plan), "hitless service update speech"),
            "update of revision 1 to 2\n"
            "  ~ config[0]             vad 0.0.1 → vad 0.0.2    replace: 2 started, 2 stopped\n"
            "      ~ model_id          vad 0.0.1 → vad 0.0.2    replace\n"
            "      + envs.LEVEL        \"2\"                      replace\n"
            "      - envs.OLD          \"x\"                      replace\n"
            "  + config[1]             tts 1.0.0                add: 1 started\n"
            "    config[2]             asr 1.0.0                keep: 2 kept\n"
            "  - config[1]             ocr 1.0.0                remove: 3 stopped\n"
            "  ~ load_balancer_policy  ROUND_ROBIN → SOURCE_IP  route\n"
            "\n"
            "  strategy  surge: there is room\n"
            "  capacity  2 serve at the low point, 3 run at the high point\n"
            "  hash      ab\n"
            "\n"
            "   1. start 2 new instances\n"
            "   2. stop the old ones\n"
            "\n"
            "Plan: 2 to replace, 1 to add, 3 to remove · surge · hitless · about 40 s\n"
            "\n"
            "Apply exactly this plan:\n"
            "  hitless service update speech --plan ab\n");
}

TEST(PlanText, SaysWhatKeepsItFromBeingHitless) {
  const json::object plan = object(R"({"kind": "update", "from_revision": 1, "to_revision": 2,
    "strategy": "hold_and_swap", "reason": "it is full", "changes": [], "entries": [],
    "lowest": 0, "highest": 1, "hold_seconds": 30, "longest_hold_seconds": 4.2,
    "hitless": false, "unmet": ["requests are parked"]})");
  const std::string text = render_plan(plain_io(), plan);
  for (const char* line : {"  hold      requests wait about 4.2 s, at most 30 s\n",
                           "  ! requests are parked\n", "hold_and_swap · not hitless\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("Apply"), std::string::npos);
}

TEST(PlanText, PaintsOnATerminalOnly) {
  Io io = plain_io();
  EXPECT_EQ(render_plan(io, object(k_plan)).find("\x1b["), std::string::npos);
  io.colour = true;
  const std::string text = render_plan(io, object(k_plan));
  for (const char* painted : {"\x1b[33m~\x1b[0m", "\x1b[32m+\x1b[0m", "\x1b[31m-\x1b[0m",
                              "\x1b[32mhitless\x1b[0m", "\x1b[31m3 to remove\x1b[0m"}) {
    EXPECT_NE(text.find(painted), std::string::npos) << painted;
  }
}

TEST(PlanText, SaysWhatTheChangeWouldMeet) {
  json::object plan = object(k_plan);
  const auto text_with = [&plan](const char* overlap) {
    plan["under_way"] = {{"overlap", overlap}, {"notice", "rollout x is under way: so and so"}};
    return render_plan(plain_io(), plan, "hitless service update speech");
  };
  const std::string queued = text_with("queue");
  EXPECT_NE(queued.find("\n  ! rollout x is under way: so and so\n"), std::string::npos) << queued;
  EXPECT_NE(queued.find("Let it wait for its turn:\n  hitless service update speech\n"),
            std::string::npos)
      << queued;
  EXPECT_EQ(text_with("refuse").find("hitless service update"), std::string::npos);
  EXPECT_NE(text_with("supersede").find("speech --plan ab\n"), std::string::npos);
}

TEST(PlanText, CountsWhatTheChangeUnderWayLeaves) {
  json::object plan = object(
      R"({"kind":"update","from_revision":1,"to_revision":3,"strategy":"none","hitless":true,
          "entries":[{"entry":0,"action":"keep","instances_started":0,"instances_stopped":0,
                      "instances_kept":2}],
          "leftovers":[{"revision":2,"count":2},{"revision":4,"count":1}],
          "instances_restarted":1})");
  EXPECT_EQ(plan_summary(plain_io(), plan),
            "Plan: 0 to replace, 1 to add, 3 to remove · hitless\n");
}

TEST(PlanText, SaysWhereTheTimeIsNotKnown) {
  json::object plan = object(k_plan);
  EXPECT_EQ(render_plan(plain_io(), plan).find("not known"), std::string::npos);
  plan.erase("predicted_seconds");
  const std::string text = render_plan(plain_io(), plan);
  EXPECT_NE(text.find("  time      not known: what starts has not been started here before\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("about"), std::string::npos) << text;
}

TEST(PlanText, StandsMissingMembers) {
  EXPECT_NE(render_plan(plain_io(), {}).find("nothing changes"), std::string::npos);
  EXPECT_NE(
      render_plan(plain_io(), {{"ignored", {"rollout_plicy"}}}).find("[rollout_plicy] is ignored"),
      std::string::npos);
}

TEST(PolicyFlags, ReadTimesAsPeopleWriteThem) {
  for (const auto& [text, want] :
       {std::pair("90", 90.0), std::pair("90s", 90.0), std::pair("1.5m", 90.0),
        std::pair("2h", 7200.0), std::pair("500ms", 0.5), std::pair("2min", 120.0)}) {
    const auto read = read_seconds("--bake", text);
    ASSERT_TRUE(read) << text;
    EXPECT_DOUBLE_EQ(*read, want);
  }
  for (const char* text : {"", "s", "5 s", "5d", "x", "nan", "inf", "-inf", "infs", "-3s", "1e999"})
    EXPECT_FALSE(read_seconds("--bake", text));
}

TEST(PlanSummary, NamesASpanWhereThereIsAProof) {
  json::object plan =
      object(R"({"hitless":true,"predicted_seconds":0.275,"predicted_most_seconds":10.275})");
  EXPECT_NE(plan_summary(plain_io(), plan).find("about 275 ms, up to 10.3 s with its proof"),
            std::string::npos)
      << plan_summary(plain_io(), plan);
  plan["predicted_most_seconds"] = 0.275;
  EXPECT_EQ(plan_summary(plain_io(), plan).find("up to"), std::string::npos);
}

TEST(PolicyFlags, StartFromWhatTheServiceHas) {
  const json::object service =
      object(R"({"rollout_policy":{"strategy":"canary","steps":[{"weight":5}],"bake_seconds":9,
                 "drop_budget":4,"judgement":{"enabled":true,"requests_min":9}}})");
  json::object body;
  PolicyFlags flags;
  ASSERT_TRUE(apply_policy(flags, service, body));
  EXPECT_TRUE(body.empty()) << "no flag, no policy";
  flags.strategy = "auto";
  flags.judge = false;
  ASSERT_TRUE(apply_policy(flags, service, body));
  EXPECT_EQ(
      body.at("rollout_policy"),
      json::value(object(R"({"drop_budget":4,"judgement":{"enabled":false,"requests_min":9}})")));
  flags.proving = "1.5m";
  ASSERT_TRUE(apply_policy(flags, service, body));
  EXPECT_EQ(body.at("rollout_policy").at("judgement"),
            json::value(object(R"({"enabled":false,"requests_min":9,"proving_seconds":90.0})")));
  flags = {};
  flags.latency_slack = "500us";
  EXPECT_EQ(apply_policy(flags, service, body).error().text().substr(0, 15), "--latency-slack");
  flags.latency_slack = "0.5ms";
  flags.tail_slack = "1s";
  flags.requests_min = 20;
  flags.error_ratio = 3;
  flags.latency_factor = 2.5;
  flags.false_alarm = 0.05;
  flags.miss = 0.1;
  body.clear();
  ASSERT_TRUE(apply_policy(flags, service, body));
  EXPECT_EQ(body.at("rollout_policy").at("judgement"),
            json::value(object(
                R"({"enabled":true,"requests_min":20,"latency_slack_ms":0.5,"tail_slack_ms":1e3,
                                   "error_ratio":3.0,"latency_factor":2.5,"false_alarm":0.05,
                                   "miss":0.1})")));
  flags.proving = "long";
  EXPECT_EQ(apply_policy(flags, service, body).error().text().substr(0, 9), "--proving");
}

TEST(CommandLine, QuotesWhatAShellWouldSplit) {
  EXPECT_EQ(shell_word("vad:0.0.2"), "vad:0.0.2");
  EXPECT_EQ(shell_word("A=b c"), "'A=b c'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace hitless::cli
