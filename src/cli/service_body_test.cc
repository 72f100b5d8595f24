#include "cli/service_body.h"

#include <gtest/gtest.h>

namespace hitless::cli {
namespace {

json::object object(const char* text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? value->get_object() : json::object();
}

const char* const k_one = R"({"config":[{"model_id":"a","weight":100,"instance_count":2,
    "specification":"s","envs":{"K":"1"},"additional_properties":{"max_surge":2}}]})";
const char* const k_two = R"({"config":[{"model_id":"a","weight":80,"instance_count":2},
    {"model_id":"b","weight":20,"instance_count":1}]})";

std::string config(const Result<json::object>& body) {
  EXPECT_TRUE(body) << (body ? "" : body.error().text());
  return body ? to_json_text(body->at("config")) : "";
}

TEST(CreateBody, FillsInWhatTheContractNeeds) {
  ServiceFlags flags;
  flags.model_id = "m";
  const auto body = create_body("speech", {}, flags);
  ASSERT_TRUE(body);
  EXPECT_EQ(to_json_text(*body),
            R"({"service_name":"speech","infer_type":"real-time","config":[{"weight":100,)"
            R"("specification":"hitless.cpu.small","instance_count":1,"model_id":"m"}]})");
}

TEST(CreateBody, TakesEveryFlagOverTheFile) {
  ServiceFlags flags;
  flags.model_id = "m";
  flags.count = 3;
  flags.specification = "custom";
  flags.envs = {"A=1", "B="};
  flags.max_surge = 0.5;
  flags.max_unavailable = 1;
  flags.deploy_timeout_seconds = 300;
  flags.grace_seconds = 5;
  const auto body =
      create_body("x", object(R"({"config":[{"model_id":"old","envs":{"A":"0"}}]})"), flags);
  EXPECT_EQ(config(body),
            R"([{"model_id":"m","envs":{"A":"1","B":""},"instance_count":3,)"
            R"("specification":"custom","deploy_timeout_in_seconds":300,"additional_properties":)"
            R"({"max_surge":5E-1,"max_unavailable":1E0,"termination_grace_period_seconds":5}}])");
}

TEST(CreateBody, NeedsAModel) {
  EXPECT_FALSE(create_body("x", {}, {}));
}

TEST(UpdateBody, OfAnotherVersionKeepsTheRest) {
  ServiceFlags flags;
  flags.model_id = "b";
  EXPECT_EQ(config(update_body(object(k_one), {}, flags)),
            R"([{"model_id":"b","weight":100,"instance_count":2,"specification":"s",)"
            R"("envs":{"K":"1"},"additional_properties":{"max_surge":2}}])");
}

TEST(UpdateBody, GivesANewVersionItsShare) {
  ServiceFlags flags;
  flags.model_id = "b";
  flags.weight = 20;
  flags.count = 1;
  const auto body = update_body(object(k_one), {}, flags);
  ASSERT_TRUE(body);
  const json::array& entries = body->at("config").get_array();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].at("weight"), 80);
  EXPECT_EQ(entries[0].at("instance_count"), 2);
  EXPECT_EQ(entries[1].at("model_id"), "b");
  EXPECT_EQ(entries[1].at("weight"), 20);
  EXPECT_EQ(entries[1].at("instance_count"), 1);
}

TEST(UpdateBody, SharesTheRestAsBefore) {
  ServiceFlags flags;
  flags.model_id = "c";
  flags.weight = 50;
  const auto body = update_body(object(k_two), {}, flags);
  ASSERT_TRUE(body);
  const json::array& entries = body->at("config").get_array();
  EXPECT_EQ(entries[0].at("weight"), 40);
  EXPECT_EQ(entries[1].at("weight"), 10);
  EXPECT_EQ(entries[2].at("weight"), 50);
}

TEST(UpdateBody, EndsASplitWithOneVersion) {
  ServiceFlags flags;
  flags.model_id = "b";
  EXPECT_EQ(config(update_body(object(k_two), {}, flags)),
            R"([{"model_id":"b","weight":100,"instance_count":1}])");
}

TEST(UpdateBody, AppliesToAllEntriesWithoutAModel) {
  ServiceFlags flags;
  flags.count = 4;
  const auto body = update_body(object(k_two), {}, flags);
  ASSERT_TRUE(body);
  for (const json::value& entry : body->at("config").get_array()) {
    EXPECT_EQ(entry.at("instance_count"), 4);
  }
}

TEST(UpdateBody, LeavesTheConfigurationOutWhenItStays) {
  ServiceFlags flags;
  flags.description = "new";
  const auto body = update_body(object(k_one), {}, flags);
  ASSERT_TRUE(body);
  EXPECT_EQ(to_json_text(*body), R"({"description":"new"})");
}

TEST(UpdateBody, RefusesWhatItCannotMean) {
  ServiceFlags weight;
  weight.weight = 5;
  EXPECT_FALSE(update_body(object(k_one), {}, weight));
  ServiceFlags env;
  env.envs = {"novalue"};
  EXPECT_FALSE(update_body(object(k_one), {}, env));
}

}  // namespace
}  // namespace hitless::cli
