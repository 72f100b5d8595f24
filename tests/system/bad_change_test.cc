// Changes that cannot be: refused over the wire with the field and the reason, and nothing is
// different afterwards.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

using ::testing::HasSubstr;

struct Mistake {
  std::string method;
  std::string path;  // after the service's
  json::object body;
  int status = 400;
  std::vector<std::string> says;
};

class BadChange : public ::testing::Test {
 protected:
  void SetUp() override {
    hitless_ = HitlessProcess::start();
    one_ = import_model(*hitless_, {.version = "v1"});
    two_ = import_model(*hitless_, {.version = "v2"});
    service_ = std::make_unique<PretendService>(*hitless_, "unchanged",
                                                std::vector<Entry>{{.model_id = one_}});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  }
  void TearDown() override {
    service_.reset();
    hitless_.reset();
  }

  // All that the API says of the service and could have changed.
  std::string everything() {
    std::string all;
    for (const char* part : {"", "/rollouts", "/revisions", "/instances", "/events", "/logs"}) {
      all += hitless_->get(service_->path() + part).text + "\n";
    }
    return all;
  }

  // A rollout ends in the pass of control that routes its last instance; the pass after it shows
  // so.
  void wait_until_at_rest() {
    EXPECT_TRUE(eventually([&] {
      const json::array live = service_->live_instances();
      return std::all_of(live.begin(), live.end(), [](const json::value& each) {
        return each.at("state").as_string() == "routed";
      });
    }));
  }

  void expect_refused(const Mistake& mistake) {
    wait_until_at_rest();
    const std::string before = everything();
    const ApiAnswer answer =
        hitless_->api(mistake.method, service_->path() + mistake.path, mistake.body);
    const std::string what = fmt::format("{} {} {}", mistake.method, mistake.path,
                                         to_json_text(json::value(mistake.body)));
    EXPECT_EQ(answer.status, mistake.status) << what << "\n" << answer.text;
    for (const std::string& part : mistake.says) EXPECT_THAT(answer.text, HasSubstr(part)) << what;
    EXPECT_EQ(everything(), before) << what;
  }

  // As a change and as a plan of one.
  void expect_refused_policy(const json::object& policy, const std::vector<std::string>& says) {
    const json::object body{{"config", to_config({{.model_id = two_}})},
                            {"rollout_policy", policy}};
    expect_refused({.method = "PUT", .path = "", .body = body, .says = says});
    expect_refused({.method = "POST", .path = "/plan", .body = body, .says = says});
  }

  json::object config_with(const json::object& knobs) {
    json::object entry = to_json(Entry{.model_id = two_});
    entry["additional_properties"] = knobs;
    return {{"config", json::array{entry}}};
  }

  std::unique_ptr<HitlessProcess> hitless_;
  std::unique_ptr<PretendService> service_;
  std::string one_, two_;
};

TEST_F(BadChange, WithKnobsThatContradictEachOther) {
  expect_refused_policy({{"strategy", "surge"}, {"bake_seconds", 5}},
                        {"[rollout_policy.bake_seconds]", "blue_green and canary"});
  expect_refused_policy({{"strategy", "blue_green"}, {"steps", {{{"weight", 10}}}}},
                        {"[rollout_policy.steps]", "belongs to strategy canary alone"});
  expect_refused_policy({{"steps", {{{"weight", 10}}}}}, {"[rollout_policy.steps]"});
  expect_refused_policy({{"strategy", "canary"}, {"steps", {{{"weight", 50}}, {{"weight", 10}}}}},
                        {"[rollout_policy.steps[1].weight]", "more than the step before"});
  expect_refused_policy({{"strategy", "shrink"}}, {"max_unavailable"});
}

TEST_F(BadChange, WithValuesOutsideOfTheirRange) {
  expect_refused_policy({{"strategy", "canary"}, {"steps", {{{"weight", 0}}}}},
                        {"[rollout_policy.steps[0].weight]", "from 1 to 100"});
  expect_refused_policy({{"judgement", {{"requests_min", 0}}}},
                        {"[rollout_policy.judgement.requests_min]", "from 1"});
  expect_refused_policy({{"judgement", {{"false_alarm", 1}}}},
                        {"[rollout_policy.judgement.false_alarm]", "to 0.5"});
  expect_refused_policy({{"judgement", {{"silence", "shout"}}}},
                        {"[rollout_policy.judgement.silence]", "advance"});
  expect_refused_policy({{"drop_budget", -1}}, {"[rollout_policy.drop_budget]"});
  expect_refused_policy({{"overlap", "wait"}}, {"[rollout_policy.overlap]", "queue"});
  expect_refused_policy({{"speed", 1}}, {"[rollout_policy.speed]", "is not known"});
}

TEST_F(BadChange, WithAnUnknownStrategy) {
  expect_refused_policy({{"strategy", "fast"}},
                        {"[rollout_policy.strategy]", "surge", "hold_and_swap", "canary"});
  expect_refused_policy({{"strategy", "none"}}, {"[rollout_policy.strategy]", "leave it out"});
}

TEST_F(BadChange, WithSurgeAndUnavailableBothZero) {
  const std::vector<std::string> says{"[config[0].additional_properties.max_surge]",
                                      "[config[0].additional_properties.max_unavailable]",
                                      "are both 0"};
  const json::object body = config_with({{"max_surge", 0}, {"max_unavailable", 0}});
  expect_refused({.method = "PUT", .path = "", .body = body, .says = says});
  expect_refused({.method = "POST", .path = "/plan", .body = body, .says = says});
}

TEST_F(BadChange, ByTheHashOfAnotherService) {
  PretendService other(*hitless_, "other", {{.model_id = one_}});
  ASSERT_EQ(other.wait_for_end(other.newest_rollout()), "succeeded");
  json::object body{{"config", to_config({{.model_id = two_}})}};
  const ApiAnswer plan = hitless_->api("POST", other.path() + "/plan", body);
  ASSERT_EQ(plan.status, 200) << plan.text;
  body["plan_hash"] = plan.object().at("plan_hash");
  expect_refused(
      {.method = "PUT", .path = "", .body = body, .status = 409, .says = {"it is for service"}});
  body["plan_hash"] = "0123";
  expect_refused({.method = "PUT",
                  .path = "",
                  .body = body,
                  .status = 409,
                  .says = {"ask for the plan again"}});
}

TEST_F(BadChange, BackToWhatIsGone) {
  const auto refused = [this](const json::value& revision, const std::string& reason) {
    expect_refused({.method = "POST",
                    .path = "/rollback",
                    .body = {{"revision", revision}},
                    .says = {"[revision]", reason}});
  };
  expect_refused(
      {.method = "POST", .path = "/rollback", .body = {}, .says = {"nothing served before"}});
  for (const std::string& model : {two_, one_}) {
    ASSERT_EQ(service_->wait_for_end(service_->update({{.model_id = model}})), "succeeded");
  }
  ASSERT_EQ(hitless_->api("DELETE", "/models/" + two_).status, 200);
  refused(2, "cannot run any more");
  ASSERT_EQ(hitless_->api("DELETE", service_->path() + "/revisions/2").status, 200);
  refused(2, "which was deleted or never was");
  refused(17, "which was deleted or never was");
  refused(-1, "which was deleted or never was");
  refused(1, "is configured as what serves");
  refused("two", "integer");
  // By itself it would go to the one that was deleted; the user has not named that.
  expect_refused({.method = "POST",
                  .path = "/rollback",
                  .body = {},
                  .says = {"[revision]", "there are revisions 1 and 3"}});
  const CommandOutcome told = hitless_->run(
      {"service", "rollback", "unchanged", "--to", "2", "--state", hitless_->state().string()});
  EXPECT_NE(told.status, 0);
  EXPECT_THAT(told.output, HasSubstr("names revision 2, which was deleted or never was"));
}

TEST_F(BadChange, OfARolloutThatIsNotTheServices) {
  PretendService other(*hitless_, "other", {{.model_id = one_}});
  const std::string foreign = other.newest_rollout();
  ASSERT_EQ(other.wait_for_end(foreign), "succeeded");
  for (const char* verb : {"pause", "resume", "abort", "skip"}) {
    expect_refused({.method = "POST",
                    .path = fmt::format("/rollouts/{}/{}", foreign, verb),
                    .body = {},
                    .status = 404,
                    .says = {foreign}});
    expect_refused({.method = "POST",
                    .path = fmt::format("/rollouts/{}/{}", service_->newest_rollout(), verb),
                    .body = {},
                    .status = 409,
                    .says = {"has ended: it is succeeded"}});
  }
}

}  // namespace
}  // namespace hitless::tests
