#include "api/service_config.h"

#include <gtest/gtest.h>

namespace hitless::api {
namespace {

ApiOptions options() {
  ApiOptions made;
  made.pools = {"pool-a"};
  return made;
}

// An entry with everything needed, and `more` members.
std::string entry(const std::string& more) {
  std::string text = R"({"model_id":"m","specification":"modelarts.vm.cpu.2u","instance_count":2)";
  return text + (more.empty() ? "" : "," + more) + "}";
}

Checked<model::ConfigEntry> read(const std::string& text, const std::string& pool = "") {
  const auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return read_entry(options(), *value, "config[0]", pool);
}

TEST(ConfigEntry, HasTheContractsDefaults) {
  auto read_back = read(entry(""));
  ASSERT_TRUE(read_back) << read_back.error().text();
  EXPECT_EQ(read_back->weight, 100);
  EXPECT_EQ(read_back->resources.cpu_millis, 2000);
  EXPECT_EQ(read_back->resources.memory_mib, 8192);
  EXPECT_EQ(read_back->knobs.grace, std::chrono::seconds(120));
  EXPECT_EQ(read_back->knobs.deploy_timeout, std::chrono::seconds(1200));
  EXPECT_EQ(read_back->knobs.max_surge, 1);
  EXPECT_EQ(read_back->knobs.max_unavailable, 0);
}

TEST(ConfigEntry, ReadsEveryKnob) {
  auto read_back = read(entry(
      R"("weight":"70","envs":{"A":"1"},"deploy_timeout_in_seconds":180,"pool_name":"pool-a",
         "additional_properties":{"max_surge":0.5,"max_unavailable":2,
         "termination_grace_period_seconds":7})"));
  ASSERT_TRUE(read_back) << read_back.error().text();
  EXPECT_EQ(read_back->weight, 70);
  EXPECT_EQ(read_back->envs.at("A"), "1");
  EXPECT_EQ(read_back->pool, "pool-a");
  EXPECT_EQ(read_back->knobs.deploy_timeout, std::chrono::seconds(180));
  EXPECT_EQ(read_back->knobs.max_surge, 0.5);
  EXPECT_EQ(read_back->knobs.max_unavailable, 2);
  EXPECT_EQ(read_back->knobs.grace, std::chrono::seconds(7));
}

TEST(ConfigEntry, MayForbidExtraInstancesWhereSomeMayBeMissing) {
  auto read_back = read(entry(R"("additional_properties":{"max_surge":0,"max_unavailable":0.5})"));
  ASSERT_TRUE(read_back) << read_back.error().text();
  EXPECT_EQ(read_back->knobs.max_surge, 0);
  EXPECT_EQ(read_back->knobs.max_unavailable, 0.5);
}

TEST(ConfigEntry, TakesCustomResources) {
  auto read_back = read(R"({"model_id":"m","specification":"custom","instance_count":1,
                            "custom_spec":{"cpu":0.25,"memory":300,"gpu_p4":0}})");
  ASSERT_TRUE(read_back) << read_back.error().text();
  EXPECT_EQ(read_back->resources.cpu_millis, 250);
  EXPECT_EQ(read_back->resources.memory_mib, 300);
}

TEST(ConfigEntry, TakesAsManyGpusAsThePoolHas) {
  ApiOptions with_gpus = options();
  with_gpus.gpus = 2;
  const auto ask = [&](int gpus) {
    json::object wanted{{"model_id", "m"}, {"specification", "custom"}, {"instance_count", 1}};
    wanted["custom_spec"] = {{"cpu", 1}, {"memory", 300}, {"gpu_p4", gpus}};
    return read_entry(with_gpus, wanted, "config[0]", "");
  };
  ASSERT_TRUE(ask(2)) << ask(2).error().text();
  EXPECT_EQ(ask(2)->resources.gpus, 2);
  EXPECT_NE(ask(3).error().text().find("asks for 3 GPUs: the pool has 2"), std::string::npos);
}

TEST(ConfigEntry, KeepsWhatWasSentButNotWhatOnlyAnswersCarry) {
  auto read_back = read(entry(R"("affinity":{"a":1},"status":"ready","model_name":"vad")"));
  ASSERT_TRUE(read_back) << read_back.error().text();
  EXPECT_TRUE(read_back->wire.contains("affinity"));
  EXPECT_FALSE(read_back->wire.contains("status"));
  EXPECT_FALSE(read_back->wire.contains("model_name"));
  EXPECT_FALSE(read_back->wire.contains("weight"));
  EXPECT_EQ(echo_of(*read_back).at("weight"), 100);
}

struct Refused {
  std::string name;
  std::string entry;
  std::string says;  // in the failure's text
};

class ConfigEntryRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(ConfigEntryRefuses, NamingTheField) {
  const auto read_back = read(GetParam().entry);
  ASSERT_FALSE(read_back);
  EXPECT_NE(read_back.error().text().find(GetParam().says), std::string::npos)
      << read_back.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigEntryRefuses,
    ::testing::Values(
        Refused{"no_object", "3", "[config[0]] must be an object"},
        Refused{"no_model", R"({"specification":"custom","instance_count":1})",
                "[config[0].model_id] is required"},
        Refused{"unknown", entry(R"("colour":"red")"), "[config[0].colour] is unknown"},
        Refused{"knob_in_entry", entry(R"("max_surge":1)"),
                "[config[0].max_surge] is in the wrong place: it belongs into "
                "[config[0].additional_properties]"},
        Refused{"entry_member_in_properties", entry(R"("additional_properties":{"weight":1})"),
                "[config[0].additional_properties.weight] is in the wrong place"},
        Refused{"unknown_knob", entry(R"("additional_properties":{"surge":1})"),
                "[config[0].additional_properties.surge] is unknown"},
        Refused{"no_surge", entry(R"("additional_properties":{"max_surge":0})"), "max_surge]"},
        Refused{"negative", entry(R"("additional_properties":{"max_unavailable":-1})"),
                "max_unavailable]"},
        Refused{"surge_large", entry(R"("additional_properties":{"max_surge":2000})"),
                "a share below 1 or a whole number up to 1000"},
        Refused{"surge_odd", entry(R"("additional_properties":{"max_surge":1.5})"),
                "a share below 1 or a whole number up to 1000"},
        Refused{"unavailable_odd", entry(R"("additional_properties":{"max_unavailable":2.5})"),
                "a share below 1 or a whole number up to 1000"},
        Refused{"surge_text", entry(R"("additional_properties":{"max_surge":"1"})"),
                "[config[0].additional_properties.max_surge] must be a number"},
        Refused{"grace",
                entry(R"("additional_properties":{"termination_grace_period_seconds":-1})"),
                "termination_grace_period_seconds]"},
        Refused{"short_timeout", entry(R"("deploy_timeout_in_seconds":179)"), "from 180 to 7200"},
        Refused{"long_timeout", entry(R"("deploy_timeout_in_seconds":7201)"), "from 180 to 7200"},
        Refused{"weight", entry(R"("weight":101)"), "[config[0].weight] must be an integer"},
        Refused{"weight_text", entry(R"("weight":"7x")"), "[config[0].weight]"},
        Refused{"env_number", entry(R"("envs":{"A":1})"), "[config[0].envs.A] must be a string"},
        Refused{"env_name", entry(R"("envs":{"A=B":"1"})"), "[config[0].envs]"},
        Refused{"pool", entry(R"("pool_name":"nowhere")"), "nowhere does not exist"},
        Refused{"spec", R"({"model_id":"m","specification":"huge","instance_count":1})",
                "[config[0].specification] must be one of custom, hitless.cpu.small"},
        Refused{"no_custom_spec", R"({"model_id":"m","specification":"custom","instance_count":1})",
                "[config[0].custom_spec] is required"},
        Refused{"gpu", R"({"model_id":"m","specification":"custom","instance_count":1,
                "custom_spec":{"cpu":1,"memory":1,"gpu_p4":1}})",
                "asks for 1 GPUs: the pool has 0"},
        Refused{"ascend", R"({"model_id":"m","specification":"custom","instance_count":1,
                "custom_spec":{"cpu":1,"memory":1,"ascend_a310":1}})",
                "accelerator"},
        Refused{"half_a_gpu", R"({"model_id":"m","specification":"custom","instance_count":1,
                "custom_spec":{"cpu":1,"memory":1,"gpu_p4":0.5}})",
                "whole number"},
        Refused{"none", R"({"model_id":"m","specification":"hitless.cpu.small",
                "instance_count":0})",
                "[config[0].instance_count] must be from 1 to 128"},
        Refused{"many", R"({"model_id":"m","specification":"hitless.cpu.small",
                "instance_count":129})",
                "[config[0].instance_count] must be from 1 to 128"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace hitless::api
