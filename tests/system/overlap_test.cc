// What is asked for while a change is under way, in each of its phases: another change, an abort, a
// way back.  What serves is never taken away for it.
#include <gtest/gtest.h>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

constexpr int k_count = 2;
constexpr int k_patient = 600;  // seconds: no deadline comes while a phase is looked at

class Overlap : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }
  void TearDown() override {
    long_.reset();
    UnderLoad::TearDown();
  }

  static json::object surge() { return {{"strategy", "surge"}, {"judgement", judged_by_errors()}}; }

  static Entry entry(const std::string& model) {
    return {.model_id = model,
            .count = k_count,
            .deploy_timeout_seconds = k_patient,
            .grace_seconds = 2};
  }

  void serve(const std::string& model) { start({entry(model)}, {}, surge()); }

  // Begins a change to a version called "next" that stays in this phase for as long as it is looked
  // at, or to one that nobody looks at; false when it was not seen there.
  bool begin(const std::string& phase) {
    json::object policy = surge();
    std::string next;
    if (phase == "starting") {
      next = import("next", {"--never-listen"});
    } else if (phase == "shifting") {
      next = import_with_a_second_that_never_is_ready();
    } else if (phase == "rolling_back") {
      // It does not go when it is told to, so that going back takes its time.
      next = import("next", {"--ready-after-ms", "-1", "--ignore-term"}, 0);
    } else {
      next = import("next");
    }
    if (phase == "baking") policy = canary({{50, k_long_bake}, {100, 0}});
    if (phase == "draining") ask_for_long_answers();
    last_rollout_ = service().update({entry(next)}, policy);
    return phase == "at_once" || service().wait_for_phase(last_rollout(), phase);
  }

  // It was in this phase when it went over to `next`.  The loop takes a change up at once: who asks
  // right behind it finds it planned, or one phase on.
  static void expect_left(const json::object& rollout, std::string_view next,
                          std::string_view phase) {
    std::string before;
    for (const json::value& each : rollout.at("report").at("phases").as_array()) {
      const std::string name(each.at("phase").as_string());
      if (name == next) break;
      before = name;
    }
    const bool at_once = phase == "at_once" && (before == "planned" || before == "starting");
    EXPECT_TRUE(before == phase || at_once) << before << ": " << to_json_text(rollout);
  }

  std::string import_with_a_second_that_never_is_ready() {
    return import("next", {"--starts", starts_folder(), "--fails-at-start", "2"}, k_patient);
  }

  // Whatever the moment of the switch, one of them is on its way at an old instance.
  void ask_for_long_answers() {
    LoadOptions options;
    options.gateway = hitless().gateway();
    options.service = service().id();
    options.token = hitless().token();
    options.threads = 1;
    options.kept_connections = 6;
    options.fresh_connections = 0;
    options.pipelined_share = 0;
    options.slow_share = 1;
    options.slow_ms = 1500;
    long_ = std::make_unique<Load>(options);
  }

  // Of what serves nothing was missing at any time, so that nobody had to wait.
  void expect_none_held(const std::string& rollout) {
    const json::object report = report_with_traffic(rollout);
    EXPECT_EQ(report.at("during").at("held").to_number<int>(), 0) << to_json_text(report);
  }

  void expect_nothing_lost() {
    expect_no_failure();
    if (!long_) return expect_counted_alike();
    EXPECT_EQ(long_->stop().failed(), 0U) << describe(long_->totals());
  }

  std::unique_ptr<Load> long_;
};

class Superseded : public Overlap, public ::testing::WithParamInterface<const char*> {};

TEST_P(Superseded, KeepsWhatServesAndEndsAsWasAskedLast) {
  const std::string first = import("first");
  const std::string last = import("last");
  serve(first);
  ASSERT_TRUE(begin(GetParam())) << to_json_text(service().rollout(last_rollout()));
  const std::string superseded = last_rollout();
  EXPECT_EQ(change({entry(last)}, surge()), "succeeded");
  const json::object before = service().rollout(superseded);
  EXPECT_EQ(before.at("phase").as_string(), "superseded") << to_json_text(before);
  expect_left(before, "superseded", GetParam());
  // One that was over before the loop came to it has no traffic to tell of.
  const json::object& report = before.at("report").as_object();
  ASSERT_TRUE(report.contains("during") || std::string(GetParam()) == "at_once")
      << to_json_text(before);
  if (report.contains("during")) {
    EXPECT_EQ(report.at("during").at("failed").to_number<int>(), 0);
  }
  expect_settled(last_rollout(), k_count);
  expect_none_held(last_rollout());
  EXPECT_EQ(model_served(), last);
  EXPECT_EQ(service().status(), "running");
  expect_nothing_lost();
}

INSTANTIATE_TEST_SUITE_P(In, Superseded,
                         ::testing::Values("at_once", "starting", "shifting", "baking", "draining",
                                           "rolling_back"),
                         [](const auto& phase) { return std::string(phase.param); });

// A change that superseded another is taken back to what served before both.
TEST_F(Overlap, AChangeThatSupersededAnotherIsTakenBackToWhatServed) {
  const std::string first = import("first");
  const std::string bad = import("bad", {"--ready-after-ms", "-1"}, 0);
  serve(first);
  ASSERT_TRUE(begin("baking"));
  EXPECT_EQ(change({entry(bad)}, surge()), "rolled_back");
  expect_settled(last_rollout(), k_count);
  expect_none_held(last_rollout());
  EXPECT_EQ(model_served(), first);
  expect_no_failure();
  EXPECT_EQ(load().totals().good_of("bad"), 0U);
  expect_counted_alike();
}

class Aborted : public Overlap, public ::testing::WithParamInterface<const char*> {};

TEST_P(Aborted, EndsWhereItBegan) {
  const std::string first = import("first");
  serve(first);
  ASSERT_TRUE(begin(GetParam())) << to_json_text(service().rollout(last_rollout()));
  const ApiAnswer answer = order(last_rollout(), "abort");
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(service().wait_for_end(last_rollout()), "rolled_back");
  const json::object rollout = service().rollout(last_rollout());
  EXPECT_NE(rollout.at("reason").as_string().find("aborted"), std::string::npos);
  expect_left(rollout, "rolling_back", GetParam());
  expect_settled(last_rollout(), k_count);
  expect_none_held(last_rollout());
  EXPECT_EQ(model_served(), first);
  EXPECT_EQ(service().status(), "running");
  expect_nothing_lost();
}

INSTANTIATE_TEST_SUITE_P(In, Aborted,
                         ::testing::Values("at_once", "starting", "shifting", "baking", "draining"),
                         [](const auto& phase) { return std::string(phase.param); });

TEST_F(Overlap, AWayBackIsNotAborted) {
  const std::string first = import("first");
  serve(first);
  ASSERT_TRUE(begin("rolling_back"));
  const ApiAnswer answer = order(last_rollout(), "abort");
  EXPECT_EQ(answer.status, 409) << answer.text;
  EXPECT_NE(answer.text.find("is on its way back already"), std::string::npos) << answer.text;
  EXPECT_EQ(service().wait_for_end(last_rollout()), "rolled_back");
  EXPECT_EQ(model_served(), first);
  expect_no_failure();
}

class Rollback : public Overlap {
 protected:
  // hitless service rollback …, to its end; its exit status.
  int roll_back(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"service", "rollback", "under-load",
                                   "--wait",  "--state",  hitless().state().string()};
    words.insert(words.end(), more.begin(), more.end());
    const CommandOutcome outcome = hitless().run(words);
    last_rollout_ = service().newest_rollout();
    said_ = outcome.output;
    return outcome.status;
  }

  static constexpr int k_succeeded = 0;
  static constexpr int k_rolled_back = 3;
  std::string said_;
};

TEST_F(Rollback, GoesToWhatServedBeforeAndToAnyRevision) {
  const std::string first = import("first");
  const std::string second = import("second");
  const std::string third = import("third");
  serve(first);
  ASSERT_EQ(change({entry(second)}), "succeeded");
  ASSERT_EQ(change({entry(third)}), "succeeded");
  EXPECT_EQ(roll_back(), k_succeeded) << said_;
  EXPECT_EQ(model_served(), second);
  expect_settled(last_rollout(), k_count);
  go_on(500);
  EXPECT_EQ(roll_back({"--to", "1"}), k_succeeded) << said_;
  EXPECT_EQ(model_served(), first);
  expect_settled(last_rollout(), k_count);
  EXPECT_EQ(service().rollout(last_rollout()).at("from_revision"), 4);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Rollback, DuringAChangeTakesItBack) {
  const std::string first = import("first");
  serve(first);
  ASSERT_TRUE(begin("baking"));
  const std::string change_id = last_rollout();
  EXPECT_EQ(roll_back(), k_rolled_back) << said_;
  EXPECT_EQ(last_rollout(), change_id) << "it is the same one, turned round";
  EXPECT_EQ(model_served(), first);
  expect_settled(last_rollout(), k_count);
  expect_none_held(last_rollout());
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Rollback, DuringAChangeGoesToAThirdRevision) {
  const std::string first = import("first");
  const std::string second = import("second");
  serve(first);
  ASSERT_EQ(change({entry(second)}), "succeeded");
  ASSERT_TRUE(begin("shifting"));
  const std::string superseded = last_rollout();
  EXPECT_EQ(roll_back({"--to", "1"}), k_succeeded) << said_;
  EXPECT_EQ(service().phase(superseded), "superseded");
  EXPECT_EQ(model_served(), first);
  expect_settled(last_rollout(), k_count);
  expect_none_held(last_rollout());
  expect_no_failure();
  expect_counted_alike();
}

// What a service says of a change during a change, over the API.
class Policy : public Overlap {
 protected:
  void serve_with(const std::string& overlap, const std::string& model) {
    json::object policy = surge();
    policy["overlap"] = overlap;
    start({entry(model)}, {}, policy);
  }

  ApiAnswer put(const std::string& model) { return service().put({entry(model)}); }

  // A change that bakes until it is skipped.
  void bake(const std::string& model) {
    json::object policy = canary({{50, k_long_bake}, {100, 0}});
    last_rollout_ = service().update({entry(model)}, policy);
    ASSERT_TRUE(service().wait_for_phase(last_rollout(), "baking"));
  }
};

TEST_F(Policy, QueueLetsTheLastChangeWaitForItsTurn) {
  const std::string first = import("first");
  const std::string second = import("second");
  const std::string third = import("third");
  serve_with("queue", first);
  bake(second);
  const std::string under_way = last_rollout();
  EXPECT_EQ(put(first).status, 200);
  EXPECT_EQ(put(third).status, 200);
  EXPECT_EQ(service().details().at("hitless").at("queued_revision"), 4)
      << "the later one took the waiting one's place";
  EXPECT_EQ(service().newest_rollout(), under_way);
  EXPECT_EQ(service().phase(under_way), "baking");
  EXPECT_EQ(order(under_way, "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(under_way), "succeeded");
  EXPECT_TRUE(eventually([&] { return service().newest_rollout() != under_way; }));
  last_rollout_ = service().newest_rollout();
  // It is judged and steps as the one before it did: its configuration began as that one's.
  EXPECT_TRUE(service().wait_for_phase(last_rollout(), "baking"));
  EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), third);
  expect_settled(last_rollout(), k_count);
  EXPECT_EQ(service().rollouts().size(), 3U);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Policy, RefuseLeavesTheChangeUnderWayAlone) {
  const std::string first = import("first");
  const std::string second = import("second");
  const std::string third = import("third");
  serve_with("refuse", first);
  bake(second);
  const json::object before = service().rollout(last_rollout());
  const ApiAnswer refused = put(third);
  EXPECT_EQ(refused.status, 400) << refused.text;
  EXPECT_NE(refused.text.find("rollout " + last_rollout() + " is under way"), std::string::npos)
      << refused.text;
  EXPECT_EQ(service().rollouts().size(), 2U);
  EXPECT_EQ(service().rollout(last_rollout()).at("plan"), before.at("plan"));
  EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), second);
  EXPECT_EQ(change({entry(third)}, surge()), "succeeded") << "nothing is under way any more";
  EXPECT_EQ(model_served(), third);
  expect_settled(last_rollout(), k_count);
  expect_no_failure();
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
