// Who judges a new version, and by what: the gateway's counters, under load, with the real binary.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

std::int64_t number(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr ? -1 : value->to_number<std::int64_t>();
}

std::string text(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr ? "" : std::string(value->as_string());
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class Verdicts : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  json::object evidence() {
    const json::object rollout = service().rollout(last_rollout());
    const json::value* found = rollout.if_contains("evidence");
    EXPECT_NE(found, nullptr) << to_json_text(rollout);
    return found == nullptr ? json::object() : found->as_object();
  }

  static json::object measure(const json::object& evidence, std::string_view name) {
    for (const json::value& each : evidence.at("measures").as_array()) {
      if (each.at("name").as_string() == name) return each.as_object();
    }
    return {};
  }

  // Of the plan: with how many requests of the new side a step's verdict is there, in all but the
  // stated misses.
  std::int64_t stated_sample(std::size_t step) {
    const json::object plan = service().rollout(last_rollout()).at("plan").as_object();
    const json::object sample = plan.at("samples").as_array().at(step).as_object();
    EXPECT_EQ(number(sample, "step"), static_cast<std::int64_t>(step));
    return number(sample, "requests_within");
  }

  std::string reason() { return text(service().rollout(last_rollout()), "reason"); }

  // A sentence for people, with the numbers of both sides and where they come from.
  void expect_both_sides_named(const std::string& sentence, std::string_view measure) {
    EXPECT_TRUE(has(sentence, measure)) << sentence;
    EXPECT_TRUE(has(sentence, "on revision 2 against")) << sentence;
    EXPECT_TRUE(has(sentence, "on revision 1")) << sentence;
  }

  // The phases it went through, in order.
  std::vector<std::string> phases() {
    std::vector<std::string> names;
    const json::object report = report_of(last_rollout());
    for (const json::value& phase : report.at("phases").as_array()) {
      names.emplace_back(phase.at("phase").as_string());
    }
    return names;
  }
};

TEST_F(Verdicts, TakeBackACanaryThatAnswers500ForATwentieth) {
  const std::string good = import("good");
  const std::string bad = import("bad", {"--fail-share", "0.05"});
  start({{.model_id = good, .count = 2}});
  EXPECT_EQ(change({{.model_id = bad, .count = 2}}, canary({{10, k_long_bake}, {100, 0}})),
            "rolled_back");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), good);
  expect_both_sides_named(reason(), "errors: ");
  const json::object kept = evidence();
  EXPECT_EQ(text(kept, "verdict"), "bad");
  EXPECT_EQ(text(kept, "text"), reason());
  const json::object errors = measure(kept, "errors");
  EXPECT_EQ(text(errors, "verdict"), "bad");
  EXPECT_EQ(number(errors, "old_events"), 0);
  EXPECT_GT(number(errors, "old_total"), 0);
  EXPECT_GT(number(errors, "new_events"), 0);
  EXPECT_GE(number(errors, "new_total"), 50) << "the least sample";

  expect_no_failure();
  const Outcome outcome = load().totals();
  const std::int64_t stated = stated_sample(0);
  fmt::print("{} answers of its own were wrong, the plan's sample is {} requests; {}\n",
             outcome.wrong, stated, reason());
  EXPECT_LE(number(errors, "new_total"), stated);
  EXPECT_EQ(outcome.wrong, outcome.wrong_of("bad"));
  EXPECT_GE(outcome.wrong, static_cast<std::uint64_t>(number(errors, "new_events")));
  EXPECT_LE(outcome.wrong, static_cast<std::uint64_t>(stated));
  for (const auto& [key, count] : outcome.wrong_by_revision) {
    EXPECT_EQ(key.first, "2") << "no other answered wrongly";
  }
  expect_counted_alike();
}

// What clients do wrong is answered 4xx by whoever they ask, and those without a valid token reach
// no version at all: neither speaks against the new one.
TEST_F(Verdicts, DoNotBlameANewVersionForWhatItsClientsDoWrong) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  LoadOptions options;
  options.bad_share = 0.2;
  start({{.model_id = v1, .count = 2}}, options);
  options = {.gateway = hitless().gateway(), .service = service().id(), .token = "nobody's"};
  Load strangers(options);
  ASSERT_TRUE(strangers.wait_for(100));
  last_rollout_ =
      service().update({{.model_id = v2, .count = 2}}, canary({{50, k_long_bake}, {100, 0}}));
  const auto judged = [&] {
    const json::object rollout = service().rollout(last_rollout());
    const json::value* found = rollout.if_contains("evidence");
    if (found == nullptr) return false;
    const json::object errors = measure(found->as_object(), "client errors");
    return text(errors, "verdict") == "good" && number(errors, "new_events") > 100;
  };
  EXPECT_TRUE(eventually(judged)) << to_json_text(service().rollout(last_rollout()));
  EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded") << reason();
  expect_settled(last_rollout(), 2);
  const Outcome refused = strangers.stop();
  EXPECT_EQ(refused.by_status.at(401), refused.requests) << describe(refused);

  const json::object rollout = service().rollout(last_rollout());
  const json::object first = rollout.at("earlier_evidence").as_array().at(0).as_object();
  const json::object errors = measure(first, "errors");
  EXPECT_EQ(text(errors, "verdict"), "good") << "a client's fault is no error of a version";
  EXPECT_EQ(number(errors, "old_events"), 0);
  EXPECT_EQ(number(errors, "new_events"), 0);
  EXPECT_GT(number(measure(first, "client errors"), "old_events"), 0);
  expect_no_failure();
  const Outcome outcome = load().totals();
  EXPECT_EQ(outcome.wrong, outcome.by_status.at(422));
  EXPECT_GT(outcome.wrong_of("v1"), 0U);
  EXPECT_GT(outcome.wrong_of("v2"), 0U);
}

// A version that refuses what the old one took is told apart from one that fails.
TEST_F(Verdicts, TellAVersionThatRefusesGoodRequestsByItsClientErrors) {
  const std::string good = import("good");
  const std::string strict = import("strict", {"--fail-share", "0.1", "--fail-status", "422"});
  start({{.model_id = good, .count = 2}});
  EXPECT_EQ(change({{.model_id = strict, .count = 2}}, canary({{50, k_long_bake}, {100, 0}})),
            "rolled_back");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), good);
  expect_both_sides_named(reason(), "client errors: ");
  EXPECT_FALSE(has(reason(), "; errors: ")) << reason();
  EXPECT_NE(reason().find("errors: "), 0U) << reason();
  EXPECT_NE(text(measure(evidence(), "errors"), "verdict"), "bad");
  EXPECT_EQ(number(measure(evidence(), "errors"), "new_events"), 0);
  EXPECT_LE(number(measure(evidence(), "client errors"), "new_total"), stated_sample(0));
  expect_no_failure();
  const Outcome outcome = load().totals();
  EXPECT_EQ(outcome.wrong, outcome.wrong_of("strict"));
  EXPECT_GT(outcome.wrong, 0U);
  expect_counted_alike();
}

TEST_F(Verdicts, TakeBackACanaryThatIsThreeTimesSlower) {
  // By the thresholds that a service has when nobody sets any.
  const std::string good = import("good", {"--answer-delay-ms", "5"});
  const std::string slow = import("slow", {"--answer-delay-ms", "15"});
  LoadOptions many;
  many.kept_connections = 46;  // who answers later is asked by more at once
  start({{.model_id = good, .count = 3}}, many);
  const json::object defaults;
  EXPECT_EQ(
      change({{.model_id = slow, .count = 3}}, canary({{20, k_long_bake}, {100, 0}}, defaults)),
      "rolled_back");
  expect_settled(last_rollout(), 3);
  EXPECT_EQ(model_served(), good);
  expect_both_sides_named(reason(), "latency p50: answers slower than");
  const json::object kept = evidence();
  EXPECT_EQ(text(kept, "verdict"), "bad");
  const json::object latency = measure(kept, "latency p50");
  EXPECT_EQ(text(latency, "verdict"), "bad");
  EXPECT_GT(number(latency, "limit_us"), 7'000);
  EXPECT_GE(number(latency, "new_total"), 50);
  EXPECT_NE(text(measure(kept, "errors"), "verdict"), "bad") << "slow is not wrong";
  expect_no_failure();
  EXPECT_EQ(load().totals().wrong, 0U);
  expect_counted_alike();
}

TEST_F(Verdicts, PromoteAGoodCanaryAndReportBeforeDuringAndAfter) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  const std::string first = last_rollout();
  EXPECT_TRUE(eventually([&] { return service().invocations() > 0; })) << "counted a while later";
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}, canary({{25, 0.3}, {50, 0.3}, {100, 0.2}})),
            "succeeded");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), v2);
  EXPECT_NE(text(evidence(), "verdict"), "bad");
  const std::vector<std::string> passed = phases();
  EXPECT_EQ(std::count(passed.begin(), passed.end(), "baking"), 3);
  const json::object report = service().wait_for_report(last_rollout());
  for (const char* name : {"before", "during", "after"}) {
    ASSERT_TRUE(report.contains(name)) << name;
    const json::object& window = report.at(name).as_object();
    EXPECT_GT(number(window, "requests"), 0) << name;
    EXPECT_EQ(number(window, "failed"), 0) << name;
    EXPECT_GT(number(window, "p50_us"), 0) << name;
    EXPECT_GE(number(window, "p99_us"), number(window, "p50_us")) << name;
    EXPECT_GT(number(window, "end"), number(window, "begin")) << name;
  }
  const json::object earlier = report_of(first);
  ASSERT_TRUE(earlier.contains("after")) << "the next change ends its time";
  EXPECT_GT(number(earlier.at("after").as_object(), "requests"), 0);
  EXPECT_EQ(report.at("before").at("end"), report.at("during").at("begin"));
  EXPECT_EQ(report.at("during").at("end"), report.at("after").at("begin"));
  expect_no_failure();
  expect_counted_alike();
}

// As fast as before on a machine that is busy with the change itself: by the same thresholds.
TEST_F(Verdicts, PromoteAnEquallyFastVersionByTheDefaults) {
  const std::string v1 = import("v1", {"--answer-delay-ms", "2"});
  const std::string v2 = import("v2", {"--answer-delay-ms", "2"});
  start({{.model_id = v1, .count = 3}});
  const json::object defaults;
  EXPECT_EQ(change({{.model_id = v2, .count = 3}}, canary({{10, 1}, {50, 1}, {100, 1}}, defaults)),
            "succeeded")
      << reason();
  EXPECT_EQ(change({{.model_id = v1, .count = 3}}), "succeeded") << reason();
  expect_settled(last_rollout(), 3);
  expect_no_failure();
  expect_counted_alike();
}

// An hour is allowed: it is the verdict that lets the last old instance go, and it is kept.
TEST_F(Verdicts, EndAProofAsSoonAsTheyAreThere) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  json::object judgement = judged_by_errors();
  judgement["proving_seconds"] = 3600;
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}, {{"judgement", judgement}}), "succeeded");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), v2);
  const json::object kept = evidence();
  EXPECT_EQ(text(kept, "verdict"), "good") << to_json_text(kept);
  EXPECT_GE(number(measure(kept, "errors"), "new_total"), 50);
  const std::vector<std::string> passed = phases();
  EXPECT_EQ(std::count(passed.begin(), passed.end(), "baking"), 1);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Verdicts, KeepWhatEachStepEndedWith) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(change({{.model_id = v2, .count = 2}}, canary({{25, 0.5}, {50, 0.5}, {100, 0.5}})),
            "succeeded");
  const json::object rollout = service().rollout(last_rollout());
  ASSERT_TRUE(rollout.contains("earlier_evidence")) << to_json_text(rollout);
  const json::array& earlier = rollout.at("earlier_evidence").as_array();
  ASSERT_EQ(earlier.size(), 2U);
  for (std::size_t step = 0; step < earlier.size(); ++step) {
    const json::object& each = earlier[step].as_object();
    EXPECT_EQ(number(each, "step"), static_cast<std::int64_t>(step));
    EXPECT_GT(number(measure(each, "errors"), "new_total"), 0) << step;
    EXPECT_GT(number(measure(each, "errors"), "old_total"), 0) << step;
  }
  const json::object last = evidence();
  EXPECT_EQ(number(last, "step"), 2);
  EXPECT_GT(number(measure(last, "errors"), "alone_total"), 0) << "all calls went to it";
  expect_no_failure();
}

// Calls whose answers come piece by piece.
class Streams : public Verdicts {
 protected:
  static LoadOptions all_streams(int stream_ms) {
    LoadOptions options;
    options.kept_connections = 30;
    options.stream_share = 1;
    options.stream_ms = stream_ms;
    options.slow_share = 0;
    options.pipelined_share = 0;
    options.body_bytes_max = 4096;
    return options;
  }
};

TEST_F(Streams, ThatBreakOffTakeTheCanaryBack) {
  const std::string good = import("good");
  const std::string bad = import("bad", {"--cut-share", "0.06"});
  start({{.model_id = good, .count = 2}}, all_streams(12));
  json::object policy = canary({{50, k_long_bake}, {100, 0}});
  policy["drop_budget"] = 1'000'000;  // each of them is a lost request, too
  EXPECT_EQ(change({{.model_id = bad, .count = 2}}, policy), "rolled_back");
  expect_instances(2);
  EXPECT_EQ(model_served(), good);
  // A cut answer is an error, too, and of errors fewer are enough.
  expect_both_sides_named(reason(), "errors: ");
  const json::object cut = measure(evidence(), "cut answers");
  EXPECT_GT(number(cut, "new_events"), 0);
  EXPECT_EQ(number(cut, "new_events"), number(measure(evidence(), "errors"), "new_events"));
  EXPECT_EQ(number(cut, "old_events"), 0);

  const json::object during = report_with_traffic(last_rollout()).at("during").as_object();
  const Outcome outcome = load().stop();
  fmt::print("{}: {}", reason(), describe(outcome));
  EXPECT_EQ(outcome.failed(), outcome.count(Ending::truncated)) << describe(outcome);
  EXPECT_EQ(number(during, "cut"), static_cast<std::int64_t>(outcome.failed()));
  EXPECT_EQ(number(during, "failed"), number(during, "cut"));
  EXPECT_GE(number(during, "cut"), number(cut, "new_events"));
  EXPECT_EQ(number(during, "streams"), number(during, "requests") - number(during, "cut"));
  EXPECT_EQ(outcome.streams, outcome.good);
  expect_counted_alike();
}

// They begin late and end no later for it.
TEST_F(Streams, WhoseFirstByteIsLateTakeTheCanaryBack) {
  const std::string good = import("good");
  const std::string late = import("late", {"--first-byte-ms", "30"});
  start({{.model_id = good, .count = 2}}, all_streams(40));
  EXPECT_EQ(change({{.model_id = late, .count = 2}},
                   canary({{50, k_long_bake}, {100, 0}}, json::object{{"latency_slack_ms", 10}})),
            "rolled_back");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), good);
  expect_both_sides_named(reason(), "first byte p50: first bytes later than");
  EXPECT_FALSE(has(reason(), "latency p50")) << reason();
  const json::object first_byte = measure(evidence(), "first byte p50");
  EXPECT_EQ(text(first_byte, "verdict"), "bad");
  EXPECT_LT(number(first_byte, "limit_us"), 30'000);
  EXPECT_GE(number(first_byte, "new_total"), 50);
  const Outcome outcome = load().stop();
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
  EXPECT_EQ(outcome.streams, outcome.requests);
  expect_counted_alike();
}

// Whoever asks for streams does so only while the change is under way.
TEST_F(Streams, AreReportedAsTheirClientsCountedThem) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  last_rollout_ =
      service().update({{.model_id = v2, .count = 2}}, canary({{50, k_long_bake}, {100, 0}}));
  ASSERT_TRUE(service().wait_for_phase(last_rollout(), "baking"));
  LoadOptions options = all_streams(10);
  options.gateway = hitless().gateway();
  options.service = service().id();
  options.token = hitless().token();
  Load streams(options);
  EXPECT_TRUE(streams.wait_for(500));
  const Outcome outcome = streams.stop();
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
  EXPECT_EQ(outcome.streams, outcome.requests);
  EXPECT_GT(outcome.good_of("v1"), 0U);
  EXPECT_GT(outcome.good_of("v2"), 0U);
  EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  expect_settled(last_rollout(), 2);
  const json::object during = report_of(last_rollout()).at("during").as_object();
  EXPECT_EQ(number(during, "streams"), static_cast<std::int64_t>(outcome.streams));
  EXPECT_GT(number(during, "requests"), number(during, "streams"));
  expect_no_failure();
}

// A new instance that dies with requests on it.  Only what was lost is looked at, not how often.
class DropBudget : public Verdicts {
 protected:
  static constexpr int k_callers = 16;

  // Three instances share the callers, whose calls take a while: a death costs some of them.
  std::string begin_and_lose(int budget, const std::string& ends) {
    const std::vector<std::string> slow{"--answer-delay-ms", "20"};
    std::vector<std::string> dying{"--starts",  starts_folder(), "--fails-at-start",   "1",
                                   "--fail-by", "request",       "--crash-at-request", "8"};
    dying.insert(dying.end(), slow.begin(), slow.end());
    const std::string good = import("good", slow);
    const std::string bad = import("bad", dying);
    LoadOptions options;
    options.kept_connections = k_callers;
    options.fresh_connections = 0;
    options.pipelined_share = 0;
    start({{.model_id = good, .count = 2}}, options);
    EXPECT_EQ(change({{.model_id = bad, .count = 2}}, {{"strategy", "surge"},
                                                       {"drop_budget", budget},
                                                       {"judgement", {{"enabled", false}}}}),
              ends)
        << reason();
    expect_instances(2);
    // Who is taken back may be told to stop before anybody has looked at how it ended.
    const std::int64_t failed = number(report_with_traffic(last_rollout()), "instances_failed");
    EXPECT_GE(failed, ends == "succeeded" ? 1 : 0);
    EXPECT_LE(failed, 1);
    return ends == "succeeded" ? bad : good;
  }

  // That many were lost, all with the one instance; both sides say so.
  int lost() {
    const Outcome outcome = load().stop();
    const std::uint64_t failed = outcome.failed();
    EXPECT_GT(failed, 0U);
    EXPECT_LE(failed, std::uint64_t{k_callers}) << describe(outcome);
    const json::object during = report_of(last_rollout()).at("during").as_object();
    EXPECT_EQ(number(during, "failed"), static_cast<std::int64_t>(failed)) << describe(outcome);
    expect_counted_alike();
    return static_cast<int>(failed);
  }
};

TEST_F(DropBudget, ThatIsExceededTakesTheVersionBackWithTheCount) {
  const std::string good = begin_and_lose(1, "rolled_back");
  EXPECT_EQ(model_served(), good);
  const int failed = lost();
  const std::size_t at = reason().find(" requests were lost, 1 may be");
  ASSERT_NE(at, std::string::npos) << reason();
  const int named = std::stoi(reason());
  EXPECT_EQ(std::to_string(named).size(), at) << "it begins with the count: " << reason();
  EXPECT_GT(named, 1);
  EXPECT_LE(named, failed);  // as many as had been counted when it turned round
  fmt::print("{} lost; {}\n", failed, reason());
}

TEST_F(DropBudget, ThatIsKeptLetsItGoOn) {
  const std::string next = begin_and_lose(k_callers, "succeeded");
  EXPECT_EQ(model_served(), next);
  EXPECT_EQ(reason(), "");
  fmt::print("{} lost\n", lost());
}

// No client at all: nothing can be judged, and the policy says what then.
class Silence : public Verdicts {
 protected:
  void serve(const std::string& model) {
    service_ = std::make_unique<PretendService>(hitless(), "silent",
                                                std::vector<Entry>{{.model_id = model}});
    ASSERT_EQ(service().wait_for_end(service().newest_rollout()), "succeeded");
  }

  static json::object policy(const std::string& silence) {
    return canary({{50, 0.2}, {100, 0}}, {{"silence", silence}});
  }

  std::string why() { return text(service().rollout(last_rollout()), "why"); }
};

TEST_F(Silence, AdvancesByDefault) {
  serve(import("v1"));
  const std::string v2 = import("v2");
  last_rollout_ = service().update({{.model_id = v2}}, policy("advance"));
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v2);
  const std::vector<std::string> passed = phases();
  EXPECT_NE(std::find(passed.begin(), passed.end(), "baking"), passed.end()) << "it was no surge";
}

TEST_F(Silence, WaitsWhereItsPolicySaysSoUntilItIsSkipped) {
  serve(import("v1"));
  const std::string v2 = import("v2");
  last_rollout_ = service().update({{.model_id = v2}}, policy("wait"));
  constexpr std::string_view k_waits = "waiting for 50 requests on the new side to judge it by";
  for (const char* step : {"step 1 of 2", "step 2 of 2"}) {
    EXPECT_TRUE(eventually([&] { return has(why(), k_waits) && has(why(), step); })) << why();
    const json::object waits = service().rollout(last_rollout());
    EXPECT_EQ(text(waits, "phase"), "baking");
    EXPECT_TRUE(eventually([&] {
      return number(service().rollout(last_rollout()), "baking_until") <
             number(waits, "baking_since") + 1000;
    }));
    EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  }
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v2);
}

// The first new instance is good, and serves; the one after it is not.
class SecondStart : public Verdicts {
 protected:
  std::string import_failing(const std::string& by, int initial_delay_seconds) {
    return import("bad", {"--starts", starts_folder(), "--fails-at-start", "2", "--fail-by", by},
                  initial_delay_seconds);
  }

  // The line of the one instance that the report says went wrong.
  json::object failed_line(const std::string& why) {
    json::object found;
    const json::object report = report_with_traffic(last_rollout());
    EXPECT_EQ(number(report, "instances_failed"), 1) << to_json_text(report);
    for (const json::value& each : report.at("instances").as_array()) {
      if (has(text(each.as_object(), "ending"), why)) found = each.as_object();
    }
    EXPECT_FALSE(found.empty()) << to_json_text(report);
    return found;
  }
};

TEST_F(SecondStart, ThatIsNeverReadyTakesTheVersionBack) {
  const std::string good = import("good");
  const std::string bad = import_failing("health", 0);
  start({{.model_id = good, .count = 3}}, {}, {{"judgement", judged_by_errors()}});
  EXPECT_EQ(change({{.model_id = bad, .count = 3}}), "rolled_back");
  expect_settled(last_rollout(), 3);
  EXPECT_EQ(model_served(), good);
  const json::object line = failed_line("never_ready: HTTP 503 from /health");
  EXPECT_EQ(number(line, "revision"), 2);
  EXPECT_TRUE(has(reason(), text(line, "instance_id") + " never became ready: HTTP 503"))
      << reason();
  expect_no_failure();
  EXPECT_GT(load().totals().good_of("bad"), 0U) << "the first of them has served";
  expect_counted_alike();
}

// One exit may be chance: it is replaced, and said.
TEST_F(SecondStart, ThatCrashesIsTriedAgain) {
  const std::string good = import("good");
  const std::string bad = import_failing("crash", 30);
  start({{.model_id = good, .count = 3}}, {}, {{"judgement", judged_by_errors()}});
  EXPECT_EQ(change({{.model_id = bad, .count = 3}}), "succeeded");
  expect_settled(last_rollout(), 3);
  EXPECT_EQ(model_served(), bad);
  EXPECT_EQ(number(failed_line("exited: exit status 3"), "revision"), 2);
  EXPECT_EQ(number(report_of(last_rollout()), "instances_started"), 4);
  expect_no_failure();
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
