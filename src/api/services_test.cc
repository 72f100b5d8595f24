#include <gtest/gtest.h>

#include "tests/support/api_fixture.h"
#include "tests/support/schema.h"

namespace hitless::api {
namespace {

using World = testing::FakePort::World;

class Services : public testing::ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    if (HasFatalFailure()) return;
    model_ = add_model("0.0.1");
    other_ = add_model("0.0.2");
  }

  const json::object& first_entry(const json::object& service) {
    return service.at("config").get_array().at(0).get_object();
  }

  std::string model_, other_;
  testing::Schemas schemas_;
};

TEST_F(Services, EchoWhatWasSent) {
  const std::string sent_entry = entry(
      model_,
      R"(,"weight":"100","envs":{"A":"1"},"additional_properties":{"max_surge":0.5},"affinity":{"node_affinity":{"mode":"preferred"}})");
  const json::object created = ask(
      "POST", "/services",
      service_body(
          "speech", sent_entry,
          R"(,"description":"finds speech","schedule":[{"type":"stop","time_unit":"HOURS","duration":2}],
                          "additional_properties":{"websocket_upgrade":false},"workspace_id":0,"unknown":1)"));
  const std::string id = text(created, "service_id");
  const json::object shown = ask("GET", "/services/" + id);
  EXPECT_EQ(schemas_.check(shown, "ServiceDetail"), "");
  EXPECT_EQ(text(shown, "service_name"), "speech");
  EXPECT_EQ(text(shown, "description"), "finds speech");
  EXPECT_EQ(to_json_text(shown.at("schedule")),
            R"([{"type":"stop","time_unit":"HOURS","duration":2}])");
  EXPECT_EQ(to_json_text(shown.at("additional_properties")), R"({"websocket_upgrade":false})");
  EXPECT_EQ(shown.at("workspace_id"), 0);
  EXPECT_EQ(text(shown, "access_address"), "http://127.0.0.1:9/v1/infers/" + id);
  EXPECT_FALSE(shown.contains("unknown"));
  const json::object& shown_entry = first_entry(shown);
  EXPECT_EQ(shown_entry.at("weight"), 100);
  EXPECT_EQ(to_json_text(shown_entry.at("envs")), R"({"A":"1"})");
  EXPECT_EQ(to_json_text(shown_entry.at("additional_properties")), R"({"max_surge":5E-1})");
  EXPECT_TRUE(shown_entry.contains("affinity"));
  EXPECT_EQ(text(shown_entry, "model_version"), "0.0.1");
  EXPECT_EQ(text(shown_entry, "status"), "notReady");
}

TEST_F(Services, AreDeployingUntilTheRolloutEnds) {
  port().set(World{.looks = -1});
  const std::string id = add_service("speech", model_);
  json::object shown = ask("GET", "/services/" + id);
  EXPECT_EQ(text(shown, "status"), "deploying");
  EXPECT_EQ(shown.at("progress"), 10);
  EXPECT_EQ(text(shown.at("hitless").get_object(), "phase"), "starting");
  EXPECT_EQ(text(first_entry(shown), "model_id"), model_);
  ASSERT_TRUE(port().finish(model::ServiceId(id)));
  shown = ask("GET", "/services/" + id);
  EXPECT_EQ(text(shown, "status"), "running");
  EXPECT_FALSE(shown.contains("progress"));
}

TEST_F(Services, ShowTheGoalDuringAnUpdateAndTheTruthAfterARollback) {
  const std::string id = add_service("speech", model_);
  port().set(World{.looks = -1, .outcome = model::Phase::rolled_back});
  ask("PUT", "/services/" + id, R"({"config":[)" + entry(other_) + "]}");
  EXPECT_EQ(text(first_entry(ask("GET", "/services/" + id)), "model_id"), other_);
  ASSERT_TRUE(port().finish(model::ServiceId(id)));
  const json::object shown = ask("GET", "/services/" + id);
  EXPECT_EQ(text(shown, "status"), "running");
  EXPECT_EQ(text(first_entry(shown), "model_id"), model_);
  const json::object logs = ask("GET", "/services/" + id + "/logs");
  EXPECT_EQ(schemas_.check(logs, "UpdateLogs"), "");
  const json::object& log = logs.at("logs").get_array().at(0).get_object();
  EXPECT_EQ(text(log, "result"), "FAIL");
  EXPECT_NE(text(log.at("hitless").get_object(), "reason"), "");
}

TEST_F(Services, TellTheStateOfAnEntryFromItsInstances) {
  const std::string id = add_service("speech", model_);
  const auto revision = store().find_revision(model::ServiceId(id), 1);
  ASSERT_TRUE(revision);
  control::InstanceStatus routed;
  routed.instance.id = model::InstanceId("i-1");
  routed.instance.group = model::template_digest(revision->config.entries[0]);
  routed.instance.stage = model::Stage::ready;
  routed.state = "routed";
  port().set(World{.instances = {routed}});
  EXPECT_EQ(text(first_entry(ask("GET", "/services/" + id)), "status"), "ready");
  const json::object list = ask("GET", "/services/" + id + "/instances");
  EXPECT_EQ(list.at("count"), 1);
  routed.state = "starting";
  port().set(World{.instances = {routed}});
  EXPECT_EQ(text(first_entry(ask("GET", "/services/" + id)), "status"), "notReady");
}

TEST_F(Services, AreListedByPageAndFilter) {
  add_service("a", model_);
  add_service("b", model_);
  json::object list = ask("GET", "/services?limit=1&offset=1&sort_by=service_name&order=asc");
  EXPECT_EQ(schemas_.check(list, "ServiceList"), "");
  EXPECT_EQ(list.at("count"), 1);
  EXPECT_EQ(list.at("total_count"), 2);
  EXPECT_EQ(text(list.at("services").get_array().at(0).get_object(), "service_name"), "b");
  EXPECT_EQ(ask("GET", "/services?service_name=a").at("count"), 1);
  EXPECT_EQ(ask("GET", "/services?status=stopped").at("count"), 0);
  EXPECT_EQ(ask("GET", "/services?offset=100").at("count"), 0);
  EXPECT_EQ(refusal(call("GET", "/services?limit=0")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(call("GET", "/services?offset=-1")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(call("GET", "/services?order=up")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(call("GET", "/services?sort_by=owner")), "400 ModelArts.0101");
  EXPECT_EQ(refusal(call("GET", "/services?status=happy")), "400 ModelArts.0101");
}

TEST_F(Services, StopAndStartByStatusAlone) {
  const std::string path = "/services/" + add_service("speech", model_);
  const std::string stop = R"({"status":"stopped","config":[{"nonsense":1}]})";
  EXPECT_EQ(schemas_.check(ask("PUT", path, stop), "Empty"), "");
  EXPECT_EQ(text(ask("GET", path), "status"), "stopped");
  const auto twice = call("PUT", path, stop);
  EXPECT_EQ(refusal(twice), "400 ModelArts.3519");
  EXPECT_NE(twice.body.find("stopped"), std::string::npos);
  ask("PUT", path, R"({"status":"running"})");
  EXPECT_EQ(text(ask("GET", path), "status"), "running");
  EXPECT_EQ(refusal(call("PUT", path, R"({"status":"paused"})")), "400 ModelArts.0101");
}

TEST_F(Services, TakeUpdatesOfDescriptionAndKeptMembers) {
  const std::string path = "/services/" + add_service("speech", model_);
  const json::object answer =
      ask("PUT", path, R"({"description":"new!","priority":2,"service_name":"speech","x":1})");
  EXPECT_EQ(schemas_.check(answer, "Empty"), "");
  const json::object shown = ask("GET", path);
  EXPECT_EQ(text(shown, "description"), "new!");
  EXPECT_EQ(shown.at("priority"), 2);
  EXPECT_EQ(text(shown, "status"), "running");
  EXPECT_EQ(schemas_.check(ask("PUT", path, "{}"), "Empty"), "");
}

TEST_F(Services, TakeBackWhatTheyAnswered) {
  const std::string path = "/services/" + add_service("speech", model_);
  const json::object shown = ask("GET", path);
  json::object body = shown;
  body.erase("status");
  EXPECT_EQ(call("PUT", path, to_json_text(body)).status, 200);
}

TEST_F(Services, SplitTrafficBetweenVersions) {
  const std::string both =
      entry(model_, R"(,"weight":"70")") + "," + entry(other_, R"(,"weight":30)");
  const std::string id = text(ask("POST", "/services", service_body("speech", both)), "service_id");
  const json::object shown = ask("GET", "/services/" + id);
  EXPECT_EQ(shown.at("config").get_array().size(), 2U);
  EXPECT_EQ(first_entry(shown).at("weight"), 70);
}

TEST_F(Services, ApplyAPlanOnlyWhileItHolds) {
  const std::string path = "/services/" + add_service("speech", model_);
  const std::string config = R"("config":[)" + entry(other_) + "]";
  const json::object plan = ask("POST", path + "/plan", "{" + config + "}");
  EXPECT_EQ(text(plan, "strategy"), "surge");
  EXPECT_EQ(plan.at("instances_started"), 2);
  EXPECT_EQ(text(ask("GET", path), "status"), "running");
  const std::string hash = text(plan, "plan_hash");
  EXPECT_EQ(refusal(call("PUT", path, "{" + config + R"(,"plan_hash":"old"})")),
            "409 HITLESS.0409");
  ask("PUT", path, "{" + config + R"(,"plan_hash":")" + hash + R"("})");
  EXPECT_EQ(text(first_entry(ask("GET", path)), "model_id"), other_);
}

TEST_F(Services, ShowRolloutsRevisionsAndEvents) {
  const std::string path = "/services/" + add_service("speech", model_);
  ask("PUT", path, R"({"config":[)" + entry(other_) + "]}");
  const json::object rollouts = ask("GET", path + "/rollouts");
  EXPECT_EQ(rollouts.at("total_count"), 2);
  const json::object& newest = rollouts.at("rollouts").get_array().at(0).get_object();
  EXPECT_EQ(text(newest, "kind"), "update");
  const json::object shown = ask("GET", path + "/rollouts/" + text(newest, "rollout_id"));
  EXPECT_EQ(text(shown, "phase"), "succeeded");
  const json::object& during = shown.at("report").at("during").get_object();
  EXPECT_EQ(during.at("requests"), 12345);
  EXPECT_NEAR(during.at("p99_us").to_number<double>(), 1500, 100);
  EXPECT_EQ(ask("GET", "/rollouts/" + text(newest, "rollout_id")), shown);
  EXPECT_EQ(ask("GET", path + "/revisions").at("count"), 2);
  const json::object events = ask("GET", path + "/events?event_type=normal");
  EXPECT_EQ(schemas_.check(events, "ServiceEvents"), "");
  EXPECT_EQ(events.at("total_count"), 2);
  EXPECT_EQ(text(events.at("events").get_array().at(0).get_object(), "event_key"), "updating");
  const json::object logs = ask("GET", path + "/logs");
  EXPECT_EQ(text(logs.at("logs").get_array().at(0).get_object(), "result"), "SUCCESS");
}

TEST_F(Services, ShowTheEndOfAnInstancesLog) {
  const std::string path = "/services/" + add_service("speech", model_);
  control::InstanceStatus instance;
  instance.instance.id = model::InstanceId("i-1");
  instance.state = "routed";
  port().set(World{.instances = {instance}, .logs = {{"i-1", "one\ntwo\n"}}});
  const auto log = call("GET", path + "/instances/i-1/log?bytes=4");
  EXPECT_EQ(log.status, 200);
  EXPECT_EQ(log.body, "two\n");
  EXPECT_EQ(refusal(call("GET", path + "/instances/i-2/log")), "404 HITLESS.0404");
  EXPECT_EQ(refusal(call("GET", path + "/instances/i-1/log?bytes=0")), "400 ModelArts.0101");
}

TEST_F(Services, AreDeletedAloneOrTogether) {
  const std::string a = add_service("a", model_);
  const std::string b = add_service("b", model_);
  EXPECT_EQ(schemas_.check(ask("DELETE", "/services/" + a), "Empty"), "");
  EXPECT_EQ(refusal(call("GET", "/services/" + a)), "404 ModelArts.3502");
  EXPECT_EQ(ask("GET", "/services/" + a + "/rollouts").at("count"), 1) << "a report is kept";
  const json::object both = ask("DELETE", "/services/" + a + "," + b);
  EXPECT_EQ(both.at("delete_success_list").get_array().size(), 1U);
  const json::object& failed = both.at("delete_failed_list").get_array().at(0).get_object();
  EXPECT_EQ(text(failed, "error_msg"), "Service " + a + " does not exist.");
  EXPECT_EQ(refusal(call("DELETE", "/services/" + a)), "404 ModelArts.3502");
}

TEST_F(Services, AreNotFoundByName) {
  add_service("speech", model_);
  const auto response = call("GET", "/services/speech");
  EXPECT_EQ(refusal(response), "404 ModelArts.3502");
  EXPECT_EQ(text(object_of(response), "error_msg"), "Service speech does not exist.");
}

TEST_F(Services, OfferSpecificationsByPage) {
  const json::object all = ask("GET", "/services/specifications?limit=1000&offset=0");
  EXPECT_EQ(schemas_.check(all, "SpecificationList"), "");
  EXPECT_EQ(all.at("count"), 4);
  EXPECT_EQ(ask("GET", "/services/specifications?offset=4").at("count"), 0);
}

struct Refused {
  std::string name;
  std::string body;
  std::string refusal;
  std::string says;
};

TEST_F(Services, AreRefusedWithCodeAndField) {
  add_service("taken", model_);
  port().set(World{.publish_at_once = false});
  const std::string raw = add_model("0.0.9");
  const std::string good = entry(model_);
  const auto weights = [&](int left, int right) {
    return entry(model_, ",\"weight\":" + std::to_string(left)) + "," +
           entry(other_, ",\"weight\":" + std::to_string(right));
  };
  const Refused rows[] = {
      {"taken", service_body("taken", good), "409 ModelArts.3503", "taken already exists"},
      {"name", service_body("a b", good), "400 ModelArts.0101",
       "parameter [service_name] does not match"},
      {"no_name", R"({"infer_type":"real-time"})", "400 ModelArts.0101",
       "The field [service_name] is required and cannot be empty."},
      {"no_type", R"({"service_name":"a"})", "400 ModelArts.0101", "[infer_type]"},
      {"batch", R"({"service_name":"a","infer_type":"batch"})", "400 ModelArts.3518", "batch"},
      {"no_config", R"({"service_name":"a","infer_type":"real-time"})", "400 ModelArts.0101",
       "[config]"},
      {"empty_config", service_body("a", ""), "400 ModelArts.0101", "[config]"},
      {"no_model", service_body("a", entry("nothing")), "404 ModelArts.3507", "nothing"},
      {"raw_model", service_body("a", entry(raw)), "400 ModelArts.3515", "publishing"},
      {"twice",
       service_body("a", entry(model_, R"(,"weight":50)") + "," + entry(model_, R"(,"weight":50)")),
       "400 ModelArts.3516", "config[1].model_id"},
      {"weights", service_body("a", weights(70, 20)), "400 ModelArts.0101", "90 in all, not 100"},
      {"no_weight", service_body("a", good + "," + entry(other_)), "400 ModelArts.0101",
       "[config[0].weight]"},
      {"knob_outside", service_body("a", good, R"(,"additional_properties":{"max_surge":1})"),
       "400 ModelArts.0101", "belongs into [config[].additional_properties]"},
      {"description", service_body("a", good, R"(,"description":"a & b")"), "400 ModelArts.0101",
       "[description]"},
      {"priority", service_body("a", good, R"(,"priority":4)"), "400 ModelArts.0101", "[priority]"},
      {"balance", service_body("a", good, R"(,"load_balancer_policy":"RANDOM")"),
       "400 ModelArts.0101", "[load_balancer_policy]"},
      {"pool", service_body("a", good, R"(,"pool_name":"gone")"), "400 ModelArts.3547", "gone"},
  };
  for (const Refused& row : rows) {
    const auto response = call("POST", "/services", row.body);
    EXPECT_EQ(refusal(response), row.refusal) << row.name;
    EXPECT_NE(response.body.find(row.says), std::string::npos) << row.name << response.body;
    EXPECT_EQ(schemas_.check(object_of(response), "Error"), "") << row.name;
  }
  EXPECT_EQ(ask("GET", "/services").at("total_count"), 1);
}

TEST_F(Services, RefuseUpdatesWithCodeAndField) {
  const std::string path = "/services/" + add_service("speech", model_);
  EXPECT_EQ(refusal(call("PUT", "/services/nothing", "{}")), "404 ModelArts.3502");
  const auto renamed = call("PUT", path, R"({"service_name":"other"})");
  EXPECT_EQ(refusal(renamed), "400 ModelArts.0101");
  EXPECT_NE(renamed.body.find("[service_name] cannot be changed"), std::string::npos);
  port().set(World{.looks = -1});
  const std::string config = R"({"config":[)" + entry(other_) + "]}";
  ask("PUT", path, config);
  EXPECT_EQ(refusal(call("PUT", path, config)), "400 ModelArts.3519");
}

}  // namespace
}  // namespace hitless::api
