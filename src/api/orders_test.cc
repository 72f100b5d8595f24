// Orders on rollouts, rollback and revisions over HTTP.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.h"

namespace hitless::api {
namespace {

class OrdersApi : public testing::ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    model_ = add_model("0.0.1");
    service_ =
        text(ask("POST", "/services",
                 R"({"service_name":"speech","infer_type":"real-time","config":)" + config() + "}"),
             "service_id");
  }

  std::string config() const {
    return R"([{"model_id":")" + model_ +
           R"(","weight":100,"specification":"hitless.cpu.small","instance_count":1}])";
  }
  std::string path() const { return "/services/" + service_; }
  std::string rollouts() const { return path() + "/rollouts/"; }

  // An update that ends only when the test says so.
  std::string begin_update() {
    port().set({.looks = -1});
    ask("PUT", path(), R"({"config":)" + config() + "}");
    const json::object list = ask("GET", path() + "/rollouts");
    return text(list.at("rollouts").at(0).as_object(), "rollout_id");
  }

  std::string model_;
  std::string service_;
};

TEST_F(OrdersApi, AreShownOnTheRollout) {
  const std::string id = begin_update();
  const json::object paused = ask("POST", rollouts() + id + "/pause", R"({"reason":"lunch"})");
  EXPECT_EQ(paused.at("paused"), true);
  EXPECT_TRUE(paused.contains("paused_at"));
  EXPECT_FALSE(text(paused, "who").empty());
  EXPECT_EQ(ask("POST", rollouts() + id + "/resume").at("paused"), false);
  EXPECT_EQ(ask("POST", rollouts() + id + "/skip").at("skipped_steps"), 1);
  const json::object aborted = ask("POST", rollouts() + id + "/abort", R"({"reason":"oops"})");
  EXPECT_NE(text(aborted, "abort").find(": oops"), std::string::npos);
}

TEST_F(OrdersApi, AreRefusedWithTheState) {
  const std::string id = begin_update();
  ASSERT_TRUE(port().finish(model::ServiceId(service_)));
  const net::HttpResponse refused = call("POST", rollouts() + id + "/pause");
  EXPECT_EQ(refusal(refused), "409 HITLESS.0410");
  EXPECT_NE(refused.body.find("has ended: it is succeeded"), std::string::npos) << refused.body;
  EXPECT_EQ(refusal(call("POST", rollouts() + "none/pause")), "404 HITLESS.0404");
  EXPECT_EQ(refusal(call("POST", rollouts() + id + "/pause", "[]")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(call("POST", rollouts() + id + "/pause", R"({"reason":5})")),
            "400 ModelArts.0101");
  const std::string essay(2000, 'x');
  EXPECT_EQ(refusal(call("POST", rollouts() + id + "/pause", R"({"reason":")" + essay + R"("})")),
            "400 ModelArts.0101");
}

TEST_F(OrdersApi, NameTheCallerByUserOrToken) {
  const auto who_of_newest = [&] {
    const json::object list = ask("GET", path() + "/rollouts");
    return text(list.at("rollouts").at(0).as_object(), "who");
  };
  begin_update();
  const std::string user = who_of_newest();
  EXPECT_FALSE(user.empty());
  EXPECT_NE(user, "token");
  ASSERT_TRUE(port().finish(model::ServiceId(service_)));
  net::HttpRequest request{"PUT",
                           "/v1/" + std::string(testing::k_project) + path(),
                           {},
                           R"({"config":)" + config() + "}"};
  request.headers.add("X-Auth-Token", testing::k_token);
  EXPECT_EQ(send(std::move(request), true).status, 200);
  EXPECT_EQ(who_of_newest(), "token");
}

TEST_F(OrdersApi, RollsBackWithOrWithoutARevision) {
  const net::HttpResponse none = call("POST", path() + "/rollback");
  EXPECT_EQ(refusal(none), "400 ModelArts.0101");
  EXPECT_NE(none.body.find("field [revision]"), std::string::npos) << none.body;
  EXPECT_EQ(refusal(call("POST", path() + "/rollback", R"({"revision":"two"})")),
            "400 ModelArts.0101");
  port().set({.looks = -1});
  EXPECT_FALSE(text(ask("POST", path() + "/rollback", R"({"revision":1})"), "rollout_id").empty());
  EXPECT_EQ(refusal(call("POST", "/services/none/rollback")), "404 ModelArts.3502");
}

TEST_F(OrdersApi, RevisionsSayWhatHoldsThem) {
  begin_update();
  ASSERT_TRUE(port().finish(model::ServiceId(service_)));
  const json::object list = ask("GET", path() + "/revisions");
  const json::array& rows = list.at("revisions").get_array();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at("in_use"), false);
  EXPECT_EQ(rows[1].at("uses").at(0), "it serves");
  EXPECT_EQ(refusal(call("DELETE", path() + "/revisions/2")), "409 HITLESS.0410");
  ask("DELETE", path() + "/revisions/1");
  EXPECT_EQ(refusal(call("DELETE", path() + "/revisions/1")), "404 HITLESS.0404");
  EXPECT_EQ(refusal(call("DELETE", path() + "/revisions/two")), "404 HITLESS.0404");
}

TEST_F(OrdersApi, AJournalIsLinesOfJson) {
  const std::string id = begin_update();
  store::DecisionRecord record;
  record.journal = store::JournalRow{.rollout = model::RolloutId(id),
                                     .at = from_millis(1),
                                     .view = R"({"now_us":1})",
                                     .decision = R"({"why":"so"})"};
  ASSERT_TRUE(store().record(record));
  const net::HttpResponse answer = call("GET", rollouts() + id + "/journal");
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/x-ndjson");
  const std::size_t first = answer.body.find('\n');
  ASSERT_NE(first, std::string::npos);
  EXPECT_TRUE(parse_json(answer.body.substr(0, first))->as_object().contains("plan"));
  EXPECT_EQ(answer.body.substr(first + 1),
            "{\"view\":{\"now_us\":1},\"decision\":{\"why\":\"so\"}}\n");
  EXPECT_EQ(call("GET", "/rollouts/" + id + "/journal").body, answer.body);
}

TEST_F(OrdersApi, AJournalThatIsNotKeptIsNotThere) {
  const std::string id = begin_update();
  EXPECT_EQ(call("GET", "/rollouts/" + id + "/journal").status, 200) << "nothing in it yet";
  ASSERT_TRUE(port().finish(model::ServiceId(service_)));
  EXPECT_EQ(refusal(call("GET", "/rollouts/" + id + "/journal")), "404 HITLESS.0404");
}

TEST_F(OrdersApi, AServiceNamesTheRevisionThatWaits) {
  const auto before = store().find_service(model::ServiceId(service_));
  store::Store::AcceptedChange change{.expected = *before, .service = *before};
  change.service.queued = 7;
  ASSERT_TRUE(store().accept_change(change));
  EXPECT_EQ(ask("GET", path()).at("hitless").at("queued_revision"), 7);
}

}  // namespace
}  // namespace hitless::api
