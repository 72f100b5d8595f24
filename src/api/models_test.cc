#include <gtest/gtest.h>

#include "api/limits.h"
#include "tests/support/api_fixture.h"
#include "tests/support/schema.h"

namespace hitless::api {
namespace {

class Models : public testing::ApiFixture {
 protected:
  testing::Schemas schemas_;
};

TEST_F(Models, AreCreatedListedShownAndDeleted) {
  const std::string id = add_model("0.0.1");
  const json::object shown = ask("GET", "/models/" + id);
  EXPECT_EQ(schemas_.check(shown, "ModelDetail"), "");
  EXPECT_EQ(text(shown, "model_name"), "vad");
  EXPECT_EQ(text(shown, "model_status"), "published");
  EXPECT_EQ(text(shown, "source_location"), "/srv/vad");

  const json::object list = ask("GET", "/models?model_name=va");
  EXPECT_EQ(schemas_.check(list, "ModelList"), "");
  EXPECT_EQ(list.at("total_count"), 1);

  const json::object deleted = ask("DELETE", "/models/" + id);
  EXPECT_EQ(schemas_.check(deleted, "DeleteModelResponse"), "");
  EXPECT_EQ(deleted.at("delete_success_list").get_array().size(), 1U);
  EXPECT_EQ(refusal(call("GET", "/models/" + id)), "404 ModelArts.3001");
}

TEST_F(Models, EchoWhatWasSent) {
  const std::string config =
      R"({ "model_algorithm" : "vad",  "model_type":"ONNX" })";  // blanks and all
  json::object body{{"model_name", "m"},
                    {"model_version", "1.0.0"},
                    {"model_type", "onnx"},
                    {"source_location", "/srv/m"},
                    {"description", "a model"},
                    {"initial_config", config},
                    {"install_type", json::array{"real-time"}},
                    {"apis", json::array{json::object{{"url", "/"}}}},
                    {"unknown_member", 1}};
  const std::string id = text(ask("POST", "/models", to_json_text(body) + "\n"), "model_id");
  const json::object shown = ask("GET", "/models/" + id);
  EXPECT_EQ(schemas_.check(shown, "ModelDetail"), "");
  EXPECT_EQ(text(shown, "config"), config);
  EXPECT_EQ(text(shown, "description"), "a model");
  EXPECT_EQ(text(shown, "model_type"), "ONNX");
  EXPECT_EQ(shown.at("install_type"), json::value(json::array{"real-time"}));
  EXPECT_EQ(text(shown, "apis"), R"([{"url":"/"}])");
  EXPECT_FALSE(shown.contains("unknown_member"));
}

TEST_F(Models, ShowTheirWarmUpRequests) {
  const std::string large(k_warm_up_body_shown_max + 1, 'x');
  const json::object body{
      {"model_name", "m"},
      {"model_version", "1.0.0"},
      {"model_type", "onnx"},
      {"source_location", "/srv/m"},
      {"warm_up", json::array{json::object{{"path", "/p"}, {"body", json::object{{"x", 1}}}},
                              json::object{{"path", "/p"}, {"body", large}}}}};
  const std::string id = text(ask("POST", "/models", to_json_text(body)), "model_id");
  const json::object shown = ask("GET", "/models/" + id);
  EXPECT_EQ(schemas_.check(shown, "ModelDetail"), "");
  const json::array& requests = shown.at("warm_up").as_array();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].at("method"), "POST");
  EXPECT_EQ(requests[0].at("body"), R"({"x":1})");
  EXPECT_EQ(requests[1].at("body_bytes"), large.size());
  EXPECT_FALSE(requests[1].as_object().contains("body"));
  EXPECT_FALSE(ask("GET", "/models/" + add_model("0.0.1")).contains("warm_up"));
}

TEST_F(Models, PageThroughTheirList) {
  for (int i = 1; i <= 3; ++i) add_model("0.0." + std::to_string(i));
  const json::object page = ask("GET", "/models?limit=2&offset=2");
  EXPECT_EQ(page.at("count"), 1);
  EXPECT_EQ(page.at("total_count"), 3);
  const json::object past = ask("GET", "/models?limit=2&offset=9");
  EXPECT_EQ(past.at("count"), 0);
  EXPECT_TRUE(past.at("models").get_array().empty());
}

TEST_F(Models, CascadeTakesEveryVersionOfTheName) {
  const std::string id = add_model("0.0.1");
  add_model("0.0.2");
  add_model("0.0.1", "other");
  const json::object deleted = ask("DELETE", "/models/" + id + "?cascade=true");
  EXPECT_EQ(deleted.at("delete_success_list").get_array().size(), 2U);
  EXPECT_EQ(ask("GET", "/models").at("total_count"), 1);
}

TEST_F(Models, InUseStayWithTheReason) {
  const std::string id = add_model("0.0.1");
  add_service("speech", id);
  const json::object deleted = ask("DELETE", "/models/" + id);
  ASSERT_EQ(deleted.at("delete_failed_list").get_array().size(), 1U);
  const json::object& failed = deleted.at("delete_failed_list").get_array()[0].get_object();
  EXPECT_EQ(text(failed, "model_id"), id);
  EXPECT_EQ(text(failed, "error_code"), "ModelArts.3009");
  EXPECT_EQ(ask("GET", "/models").at("total_count"), 1);
}

struct Refused {
  std::string name;
  std::string body;
  std::string refusal;
  std::string says;
};

TEST_F(Models, AreRefusedWithCodeAndField) {
  add_model("0.0.1");
  const auto body = [](std::string_view name, std::string_view version, std::string_view type,
                       std::string_view more = "") {
    return std::string(R"({"model_name":")").append(name).append(R"(","model_version":")") +
           std::string(version).append(R"(","model_type":")").append(type) +
           std::string(R"(","source_location":"/x")").append(more) + "}";
  };
  const Refused rows[] = {
      {"taken", body("vad", "0.0.1", "ONNX"), "409 ModelArts.3002", "already exists"},
      {"name", body("a b", "0.0.1", "ONNX"), "400 ModelArts.0101", "[model_name]"},
      {"version", body("a", "0.0.01", "ONNX"), "400 ModelArts.0101", "[model_version]"},
      {"version_long", body("a", "0.0.100", "ONNX"), "400 ModelArts.0101", "[model_version]"},
      {"type", body("a", "0.0.1", "Image"), "400 ModelArts.0101", "[model_type]"},
      {"no_name", R"({"model_version":"0.0.1"})", "400 ModelArts.0101",
       "The field [model_name] is required and cannot be empty."},
      {"no_source", R"({"model_name":"a","model_version":"0.0.1","model_type":"ONNX"})",
       "400 ModelArts.0101", "[source_location]"},
      {"config", body("a", "0.0.1", "ONNX", R"(,"initial_config":"{")"), "400 ModelArts.3015",
       "[initial_config]"},
      {"warm_up", body("a", "0.0.1", "ONNX", R"(,"warm_up":[{"path":"/"},{"path":"x"}])"),
       "400 ModelArts.0101", "field [warm_up[1].path] must be"},
      {"description", body("a", "0.0.1", "ONNX", R"(,"description":"a<b")"), "400 ModelArts.0101",
       "[description]"},
      {"json", "{", "400 ModelArts.0101", "not valid JSON"},
      {"array", "[]", "400 ModelArts.0101", "must be a JSON object"},
      {"empty", "", "400 ModelArts.0101", "required"},
  };
  for (const Refused& row : rows) {
    const auto response = call("POST", "/models", row.body);
    EXPECT_EQ(refusal(response), row.refusal) << row.name;
    EXPECT_NE(response.body.find(row.says), std::string::npos) << row.name << response.body;
    EXPECT_EQ(schemas_.check(object_of(response), "Error"), "") << row.name;
  }
}

}  // namespace
}  // namespace hitless::api
