// What a service lets in and where it goes, set by command on the real binary while it serves.
#include <gtest/gtest.h>

#include <map>

#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/raw_http.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

using hitless::testing::RawConnection;
using hitless::testing::RawMessage;

class Traffic : public ::testing::Test {
 protected:
  void SetUp() override {
    hitless_ = HitlessProcess::start();
    v1_ = import_model(*hitless_, {.version = "v1"});
    v2_ = import_model(*hitless_, {.version = "v2"});
    service_ = std::make_unique<PretendService>(*hitless_, "traffic",
                                                std::vector<Entry>{{.model_id = v1_, .count = 2}});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  }
  void TearDown() override {
    service_.reset();
    hitless_.reset();
  }

  RawMessage call(const std::string& fields = "") {
    RawConnection connection = RawConnection::connect(hitless_->gateway());
    connection.write("POST /v1/infers/" + service_->id() + "/ HTTP/1.1\r\nHost: a\r\n" +
                     "X-Auth-Token: " + hitless_->token() + "\r\n" + fields +
                     "Content-Length: 2\r\n\r\n{}");
    return connection.read_message();
  }

  std::vector<std::int64_t> pids() {
    std::vector<std::int64_t> found;
    for (const json::value& each : service_->live_instances()) {
      found.push_back(each.at("pid").to_number<std::int64_t>());
    }
    return found;
  }

  CommandOutcome command(std::vector<std::string> words) {
    words.insert(words.end(), {"--state", hitless_->state().string()});
    return hitless_->run(words);
  }

  void update(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"service", "update", "traffic", "--wait"});
    const CommandOutcome outcome = command(flags);
    ASSERT_EQ(outcome.status, 0) << outcome.output;
  }

  std::unique_ptr<HitlessProcess> hitless_;
  std::unique_ptr<PretendService> service_;
  std::string v1_, v2_;
};

TEST_F(Traffic, LimitsHoldFromTheEndOfTheirChangeAndTouchNoInstance) {
  const auto before = pids();
  const CommandOutcome plan = command({"service", "plan", "traffic", "--rate-limit", "4/10m"});
  EXPECT_NE(plan.output.find("traffic_policy.rate_limit"), std::string::npos) << plan.output;
  update({"--rate-limit", "4/10m"});
  EXPECT_EQ(pids(), before);
  std::map<int, int> statuses;
  for (int i = 0; i < 10; ++i) {
    const RawMessage answer = call();
    ++statuses[answer.status()];
    if (answer.status() != 429) continue;
    EXPECT_GT(std::stoi("0" + answer.field("retry-after")), 100);
  }
  EXPECT_EQ(statuses[200], 4);
  EXPECT_EQ(statuses[429], 6);
  EXPECT_TRUE(eventually(
      [&] { return service_->details().at("hitless").at("refused").at("rate_limit") == 6; }));
  const CommandOutcome shown = command({"service", "show", "traffic"});
  EXPECT_NE(shown.output.find("rate limit 4 in 600 s, burst 4"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("6 by its rate limit"), std::string::npos) << shown.output;
  update({"--rate-limit", "none"});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call().status(), 200);
  EXPECT_EQ(pids(), before);
}

// Through a real rollout: a session is at one instance, goes to the new version once, and does not
// come back.
TEST_F(Traffic, SessionsGoFromOldToNewOnce) {
  update({"--sticky", "header:X-Session"});
  std::map<std::string, std::string> seen;
  const auto ask_all = [&] {
    for (int session = 0; session < 20; ++session) {
      const std::string name = std::to_string(session);
      const RawMessage answer = call("X-Session: " + name + "\r\n");
      ASSERT_EQ(answer.status(), 200) << answer.body;
      const std::string revision = answer.field("x-hitless-revision");
      std::string& before = seen[name];
      EXPECT_GE(std::stoi("0" + revision), std::stoi("0" + before)) << session;
      before = revision;
    }
  };
  ask_all();
  const std::string rollout = service_->update({{.model_id = v2_, .count = 2}});
  while (service_->phase(rollout) != "succeeded") {
    ASSERT_NE(service_->phase(rollout), "failed");
    ASSERT_NE(service_->phase(rollout), "rolled_back");
    ask_all();
  }
  ask_all();
  for (const auto& [name, revision] : seen) EXPECT_EQ(revision, "3") << name;
}

// A version without weight is called by who asks for its revision alone.
TEST_F(Traffic, ATesterCallsTheNewSetBeforeTheSwitch) {
  const std::string rollout = service_->update(
      {{.model_id = v2_, .count = 2}},
      {{"strategy", "canary"}, {"steps", {{{"weight", 1}, {"bake_seconds", 600}}}}});
  ASSERT_TRUE(service_->wait_for_phase(rollout, "baking"));
  for (int i = 0; i < 5; ++i) {
    const RawMessage tester = call("X-Hitless-Revision: 2\r\n");
    EXPECT_EQ(tester.field("x-hitless-revision"), "2");
    EXPECT_NE(tester.body.find("v2"), std::string::npos) << tester.body;
    EXPECT_EQ(call("X-Hitless-Revision: 1\r\n").field("x-hitless-revision"), "1");
  }
  EXPECT_EQ(call("X-Hitless-Revision: 7\r\n").status(), 404);
  const CommandOutcome abort = command({"rollout", "abort", "traffic"});
  ASSERT_EQ(abort.status, 0) << abort.output;
  ASSERT_EQ(service_->wait_for_end(rollout), "rolled_back");
  EXPECT_EQ(call("X-Hitless-Revision: 2\r\n").status(), 404);
}

}  // namespace
}  // namespace hitless::tests
