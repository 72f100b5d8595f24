// Orders of users while a service changes: back, wait, forget; under load, and with the real
// binary.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/sqlite.h"
#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

class Orders : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  ApiAnswer roll_back(const json::value& body = json::object()) {
    ApiAnswer answer = hitless().api("POST", service().path() + "/rollback", body);
    if (answer.status == 200) last_rollout_ = answer.object().at("rollout_id").as_string();
    return answer;
  }

  std::int64_t queued() {
    const json::object ours = service().details().at("hitless").as_object();
    const json::value* waiting = ours.if_contains("queued_revision");
    return waiting == nullptr ? 0 : waiting->as_int64();
  }

  bool has_event(const std::string& text) {
    const ApiAnswer events = hitless().get(service().path() + "/events");
    return events.text.find(text) != std::string::npos;
  }

  // What the service's policy says of a change during a change, as if its revisions said so.
  void set_overlap(const std::string& overlap) {
    hitless().kill_serve();
    {
      auto database = store::Database::open(hitless().state() / "hitless.db");
      ASSERT_TRUE(database) << database.error().text();
      const auto done = (*database)->execute(
          "UPDATE revisions SET config = json_set(config, '$.policy.overlap', '" + overlap + "')");
      ASSERT_TRUE(done) << done.error().text();
    }
    hitless().start_serve();
  }
};

TEST_F(Orders, RollsBackToWhatServedBeforeAndToAnyRevision) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 2}});
  EXPECT_EQ(roll_back().status, 400) << "nothing served before";
  ASSERT_EQ(change({{.model_id = v2, .count = 2}}), "succeeded");
  ASSERT_EQ(roll_back().status, 200);
  ASSERT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v1);
  const json::object rollout = service().rollout(last_rollout());
  EXPECT_EQ(rollout.at("to_revision"), 3);
  EXPECT_FALSE(rollout.at("who").as_string().empty());
  EXPECT_FALSE(rollout.at("report").at("instances").as_array().empty());
  EXPECT_TRUE(has_event("back to revision 1"));
  const ApiAnswer same = roll_back({{"revision", 1}});
  EXPECT_EQ(same.status, 400);
  EXPECT_NE(same.text.find("configured as what serves"), std::string::npos) << same.text;
  EXPECT_NE(roll_back({{"revision", 17}}).text.find("[revision]"), std::string::npos);
  ASSERT_EQ(roll_back({{"revision", 2}}).status, 200);
  ASSERT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v2);
  expect_settled(last_rollout(), 2);
  expect_no_failure();
}

TEST_F(Orders, RollsBackPastWhatIsTheSameAndSaysWhatThereIs) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 1}});
  const ApiAnswer nothing = roll_back();
  EXPECT_EQ(nothing.status, 400);
  EXPECT_NE(nothing.text.find("there is revision 1"), std::string::npos) << nothing.text;
  ASSERT_EQ(change({{.model_id = v2, .count = 1}}), "succeeded");
  ASSERT_EQ(change({{.model_id = v2, .count = 1}}), "succeeded");  // identical
  ASSERT_EQ(roll_back().status, 200);
  ASSERT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v1);
  expect_no_failure();
}

TEST_F(Orders, ARollbackOfAStoppedServiceIsKeptForItsNextStart) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 1}});
  ASSERT_EQ(change({{.model_id = v2, .count = 1}}), "succeeded");
  ASSERT_EQ(service().wait_for_end(service().set_status("stopped")), "succeeded");
  const ApiAnswer kept = hitless().api("POST", service().path() + "/rollback");
  ASSERT_EQ(kept.status, 200) << kept.text;
  EXPECT_EQ(kept.object().at("kept_revision"), 3) << kept.text;
  EXPECT_EQ(service().rollouts().size(), 3U) << "no rollout";
  ASSERT_EQ(service().wait_for_end(service().set_status("running")), "succeeded");
  EXPECT_EQ(model_served(), v1);
}

TEST_F(Orders, AFailedServiceIsNotRolledBackToWhatFailed) {
  const std::string v1 = import("v1");
  start({{.model_id = v1, .count = 1}});
  ASSERT_EQ(service().wait_for_end(service().set_status("stopped")), "succeeded");
  const std::string dead = import("v2", {"--ready-after-ms", "60000", "--crash-after-ms", "1"});
  ASSERT_EQ(
      hitless()
          .api("PUT", service().path(), {{"config", to_config({{.model_id = dead, .count = 1}})}})
          .status,
      200);
  ASSERT_EQ(service().wait_for_end(service().set_status("running")), "failed");
  const ApiAnswer same = roll_back({{"revision", 2}});
  EXPECT_EQ(same.status, 400);
  EXPECT_NE(same.text.find("configured as what failed: revision 2"), std::string::npos)
      << same.text;
  ASSERT_EQ(roll_back().status, 200) << "to what served last";
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(model_served(), v1);
}

TEST_F(Orders, RevisionsInUseStayAndOthersGo) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2");
  start({{.model_id = v1, .count = 1}});
  ASSERT_EQ(change({{.model_id = v1, .count = 2}}), "succeeded");
  ASSERT_EQ(change({{.model_id = v2, .count = 1}}), "succeeded");
  const std::string path = service().path() + "/revisions/";
  const ApiAnswer way_back = hitless().api("DELETE", path + "2");
  EXPECT_EQ(way_back.status, 409);
  EXPECT_NE(way_back.text.find("a rollback goes to it"), std::string::npos) << way_back.text;
  const ApiAnswer stays = hitless().api("DELETE", path + "3");
  EXPECT_EQ(stays.status, 409);
  EXPECT_NE(stays.text.find("it serves; instances of it run: 1; it is the newest"),
            std::string::npos)
      << stays.text;
  EXPECT_EQ(hitless().api("DELETE", path + "1").status, 200);
  EXPECT_EQ(hitless().api("DELETE", path + "1").status, 404);
  EXPECT_EQ(roll_back({{"revision", 1}}).status, 400);
  EXPECT_EQ(service().rollouts().size(), 3U);
  const ApiAnswer late = order(last_rollout(), "abort");
  EXPECT_EQ(late.status, 409);
  EXPECT_NE(late.text.find("has ended: it is succeeded"), std::string::npos) << late.text;
  expect_no_failure();
}

TEST_F(Orders, AChangeWaitsForTheOneUnderWayAndOutlivesKill) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "1500"});
  const std::string v3 = import("v3");
  start({{.model_id = v1, .count = 1}});
  set_overlap("queue");
  const std::string first = service().update({{.model_id = v2, .count = 1}});
  const auto put = [&](const std::string& model) {
    return hitless()
        .api("PUT", service().path(), {{"config", to_config({{.model_id = model, .count = 1}})}})
        .status;
  };
  ASSERT_EQ(put(v1), 200);
  EXPECT_EQ(queued(), 3);
  ASSERT_EQ(put(v3), 200);
  EXPECT_EQ(queued(), 4) << "a later one takes the waiting one's place";
  EXPECT_TRUE(has_event("in place of revision 3"));
  hitless().kill_serve();
  hitless().start_serve();
  EXPECT_EQ(service().wait_for_end(first), "succeeded");
  EXPECT_TRUE(eventually([&] { return service().newest_rollout() != first; }));
  const std::string second = service().newest_rollout();
  EXPECT_EQ(service().wait_for_end(second), "succeeded");
  EXPECT_EQ(service().rollout(second).at("from_revision"), 2) << "planned when its turn came";
  EXPECT_EQ(queued(), 0);
  EXPECT_EQ(model_served(), v3);
  expect_no_failure();
}

TEST_F(Orders, AStopTakesTheWaitingChangeAway) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "1500"});
  start({{.model_id = v1, .count = 1}});
  set_overlap("queue");
  service().update({{.model_id = v2, .count = 1}});
  const json::object body{{"config", to_config({{.model_id = v1, .count = 2}})}};
  ASSERT_EQ(hitless().api("PUT", service().path(), body).status, 200);
  EXPECT_EQ(queued(), 3);
  load().stop();
  EXPECT_EQ(service().wait_for_end(service().set_status("stopped")), "succeeded");
  EXPECT_EQ(queued(), 0);
  EXPECT_TRUE(has_event("update to revision 3 dropped"));
  EXPECT_EQ(service().status(), "stopped");
  EXPECT_TRUE(has_event("update to revision 2 dropped")) << "it never served";
  EXPECT_EQ(model_served(), v1);
  EXPECT_EQ(roll_back().status, 400) << "nothing served before";
  EXPECT_EQ(service().wait_for_end(service().set_status("running")), "succeeded");
  EXPECT_EQ(service().rollout(service().newest_rollout()).at("to_revision"), 1);
}

TEST_F(Orders, AChangeDuringAChangeIsRefusedByPolicy) {
  const std::string v1 = import("v1");
  const std::string v2 = import("v2", {"--start-delay-ms", "1000"});
  start({{.model_id = v1, .count = 1}});
  set_overlap("refuse");
  const std::string first = service().update({{.model_id = v2, .count = 1}});
  const json::object body{{"config", to_config({{.model_id = v1, .count = 2}})}};
  const ApiAnswer refused = hitless().api("PUT", service().path(), body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.text.find("rollout " + first + " is under way"), std::string::npos)
      << refused.text;
  EXPECT_EQ(service().wait_for_end(first), "succeeded");
  expect_no_failure();
}

TEST_F(Orders, AJournalDecidesTheSameAgain) {
  const std::string v1 = import("v1");
  const std::string bad = import("bad", {"--crash-after-ms", "0"});
  start({{.model_id = v1, .count = 2}});
  change({{.model_id = bad, .count = 2}});
  const std::string file = (hitless().folder() / "journal").string();
  const std::string journal = hitless().get("/rollouts/" + last_rollout() + "/journal").text;
  const CommandOutcome replayed =
      hitless().run_shell("\"$0\" rollout show " + last_rollout() +
                          " --journal --state \"$1\" | \"$0\" sim --replay -");
  EXPECT_EQ(replayed.status, 0) << replayed.output;
  EXPECT_NE(replayed.output.find("planned -> starting"), std::string::npos) << replayed.output;
  EXPECT_NE(replayed.output.find(" 0 of them other today"), std::string::npos) << replayed.output;
  std::string other = journal;
  const std::size_t why = other.find("\"why\":\"");
  ASSERT_NE(why, std::string::npos);
  other.insert(why + 7, "not ");
  ASSERT_TRUE(write_file_atomically(file, other, 0600));
  EXPECT_EQ(hitless().run({"sim", "--replay", file}).status, 1);
  std::size_t lines = 0;
  for (const char c : journal) lines += c == '\n' ? 1U : 0U;
  RecordProperty("bytes_a_line", static_cast<int>(journal.size() / lines));
  expect_no_failure();
}

// Nothing has ended yet, and nobody knows why it takes so long.
TEST_F(Orders, TheJournalOfAChangeThatIsStuckSaysWhy) {
  const std::string v1 = import("v1");
  const std::string deaf = import("deaf", {"--ready-after-ms", "-1"});
  start({{.model_id = v1, .count = 2}});
  last_rollout_ = service().update(
      {{.model_id = deaf, .count = 2, .deploy_timeout_seconds = 600, .grace_seconds = 1}});
  // An instance starts, answers its probe with 503, and has ten minutes for more.
  const auto replay = [&] {
    return hitless().run_shell("\"$0\" rollout show " + last_rollout() +
                               " --journal --state \"$1\" | \"$0\" sim --replay -");
  };
  CommandOutcome replayed;
  const auto says_why = [&] {
    replayed = replay();
    return replayed.output.find("HTTP 503 from /health") != std::string::npos;
  };
  EXPECT_TRUE(eventually(says_why)) << replayed.output;
  EXPECT_EQ(replayed.status, 0) << replayed.output;
  EXPECT_EQ(service().phase(last_rollout()), "starting") << "it is under way";
  EXPECT_NE(replayed.output.find("planned -> starting"), std::string::npos) << replayed.output;
  EXPECT_NE(replayed.output.find("waiting for 1 of 2 instances to pass the probe"),
            std::string::npos)
      << replayed.output;
  EXPECT_NE(replayed.output.find(" 0 of them other today"), std::string::npos) << replayed.output;
  EXPECT_EQ(order(last_rollout(), "abort").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "rolled_back");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
}

}  // namespace
}  // namespace hitless::tests
