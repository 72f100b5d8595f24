#include "model/warm_up.h"

#include <gtest/gtest.h>

#include "model/model_version.h"

namespace hitless::model {
namespace {

Result<WarmUp> read(std::string_view text) {
  return warm_up_from_json(parse_json(text).value());
}

std::string refusal(std::string_view text) {
  const auto warm_up = read(text);
  return warm_up ? "accepted" : warm_up.error().text();
}

std::string fault(std::string_view request, int status, std::string_view body) {
  const auto warm_up = read("[" + std::string(request) + "]");
  return warm_up ? fault_of(warm_up->front(), status, body) : warm_up.error().text();
}

TEST(WarmUp, AsksTheLeastThatItCan) {
  const WarmUp warm_up = *read(R"([{"path": "/up"}, {"path": "/predict", "body": {"x": 1}}])");
  ASSERT_EQ(warm_up.size(), 2U);
  EXPECT_EQ(warm_up[0], (WarmUpRequest{.method = "GET",
                                       .path = "/up",
                                       .headers = {},
                                       .body = {},
                                       .body_file = {},
                                       .fields = {}}));
  EXPECT_EQ(name_of(warm_up[1]), "POST /predict");
  EXPECT_EQ(warm_up[1].body, R"({"x":1})");
  EXPECT_EQ(warm_up[1].headers.front().second, "application/json");
  EXPECT_EQ(warm_up[1].status, 200);
  EXPECT_EQ(warm_up[1].timeout, std::chrono::seconds(30));
}

TEST(WarmUp, TakesABodyAsTextAsJsonAsBase64OrFromAFile) {
  const WarmUp warm_up = *read(R"([
      {"path": "/", "body": "{}", "headers": {"Content-Type": "text/plain"}},
      {"path": "/", "body": [1], "headers": {"content-type": "x/y"}},
      {"path": "/", "body_base64": "AP8="},
      {"path": "/", "body_file": "warm_up/in.json"}])");
  EXPECT_EQ(warm_up[0].body, "{}");
  EXPECT_EQ(warm_up[1].headers.size(), 1U);
  EXPECT_EQ(warm_up[2].body, std::string("\0\xff", 2));
  EXPECT_TRUE(warm_up[3].body.empty());
  EXPECT_EQ(warm_up[3].body_file, "warm_up/in.json");
  EXPECT_EQ(warm_up[3].headers.front().first, "Content-Type");
}

TEST(WarmUp, RefusalsNameTheField) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {R"({})", "field [warm_up] must be an array"},
      {R"([1])", "field [warm_up[0]] must be an object"},
      {R"([{}])", "field [warm_up[0].path] must be given"},
      {R"([{"path": "up"}])", "field [warm_up[0].path]"},
      {R"([{"path": "/"}, {"path": "/a b"}])", "field [warm_up[1].path]"},
      {R"([{"path": "/", "url": "/"}])", "field [warm_up[0].url] is not known; there are: method"},
      {R"([{"path": "/", "method": "BREW"}])",
       "field [warm_up[0].method] must be one of GET, POST"},
      {R"([{"path": "/", "method": "GET", "body": "x"}])",
       "field [warm_up[0].body] must be left out"},
      {R"([{"path": "/", "body": 7}])", "field [warm_up[0].body] must be a string, or an object"},
      {R"([{"path": "/", "body": "x", "body_file": "y"}])", "[warm_up[0].body] must be given once"},
      {R"([{"path": "/", "body_base64": "AP8"}])", "field [warm_up[0].body_base64]"},
      {R"([{"path": "/", "body_file": "../secret"}])", "field [warm_up[0].body_file]"},
      {R"([{"path": "/", "body_file": "/etc/passwd"}])", "field [warm_up[0].body_file]"},
      {R"([{"path": "/", "body_file": "a/"}])", "field [warm_up[0].body_file]"},
      {R"([{"path": "/", "body_file": ""}])", "field [warm_up[0].body_file]"},
      {R"([{"path": "/", "headers": {"A B": "x"}}])", "field [warm_up[0].headers.A B]"},
      {R"([{"path": "/", "headers": {"A": "x\ny"}}])", "field [warm_up[0].headers.A] must be free"},
      {R"([{"path": "/", "headers": {"Connection": "close"}}])",
       "must be left out: hitless sets it"},
      {R"([{"path": "/", "status": 99}])", "field [warm_up[0].status] must be a number from 200"},
      {R"([{"path": "/", "status": 200.5}])", "field [warm_up[0].status] must be a whole number"},
      {R"([{"path": "/", "timeout_seconds": 0}])", "field [warm_up[0].timeout_seconds]"},
      {R"([{"path": "/", "timeout_seconds": "1"}])", "field [warm_up[0].timeout_seconds]"},
      {R"([{"path": "/", "fields": {}}])", "field [warm_up[0].fields] must be an array"},
      {R"([{"path": "/", "fields": [{"value": 1}]}])", "field [warm_up[0].fields[0].pointer]"},
      {R"([{"path": "/", "fields": [{"pointer": "a", "value": 1}]}])",
       "fields[0].pointer] must be a"},
      {R"([{"path": "/", "fields": [{"pointer": "/~2", "value": 1}]}])", "fields[0].pointer]"},
      {R"([{"path": "/", "fields": [{"pointer": ""}]}])", "fields[0].value] must be given"},
      {R"([{"path": "/", "fields": [{"pointer": "", "value": "x", "absolute": 1}]}])",
       "fields[0].value] must be a number"},
      {R"([{"path": "/", "fields": [{"pointer": "", "value": 1, "relative": 2}]}])", "relative]"},
      {R"([{"path": "/", "method": "HEAD", "fields": [{"pointer": "", "value": 1}]}])",
       "field [warm_up[0].fields] must be left out"},
  };
  for (const auto& [text, wanted] : rows) {
    EXPECT_NE(refusal(text).find(wanted), std::string::npos) << text << ": " << refusal(text);
  }
}

TEST(WarmUp, HasLimits) {
  const auto repeated = [](std::string_view item, std::size_t count) {
    std::string list = "[";
    for (std::size_t i = 0; i < count; ++i) list.append(i == 0 ? "" : ",").append(item);
    return list + "]";
  };
  const std::string half(k_warm_up_bytes_max / 2, 'x');
  const std::string request = R"({"path": "/", "body": ")" + half + "\"}";
  EXPECT_TRUE(read(repeated(request, 2)));
  EXPECT_NE(refusal(repeated(request, 3)).find("at most 1048576 bytes together"),
            std::string::npos);
  EXPECT_TRUE(read(repeated(R"({"path": "/"})", k_warm_up_requests_max)));
  EXPECT_EQ(refusal(repeated(R"({"path": "/"})", k_warm_up_requests_max + 1)),
            "field [warm_up] must have at most 16 requests");
  const std::string fields = repeated(R"({"pointer": "", "value": 1})", k_warm_up_fields_max + 1);
  EXPECT_NE(refusal(R"([{"path": "/", "fields": )" + fields + "}]").find("at most 64 of them"),
            std::string::npos);
}

TEST(WarmUp, ComparesTheStatus) {
  EXPECT_EQ(fault(R"({"path": "/"})", 200, "anything"), "");
  EXPECT_EQ(fault(R"({"path": "/"})", 500, ""), "answered 500, expected 200");
  EXPECT_EQ(fault(R"({"path": "/"})", 503, "still\nloading\n"),
            "answered 503 (still loading), expected 200");
  EXPECT_EQ(fault(R"({"path": "/", "status": 404})", 404, ""), "");
}

TEST(WarmUp, ComparesFieldsOfTheAnswer) {
  const auto with = [](std::string_view field) {
    return R"({"path": "/", "fields": [)" + std::string(field) + "]}";
  };
  const std::string near = with(R"({"pointer": "/score", "value": 0.9, "absolute": 0.05})");
  EXPECT_EQ(fault(near, 200, R"({"score": 0.93})"), "");
  EXPECT_EQ(fault(near, 200, R"({"score": 0.71})"),
            "answered 200, but field /score is 0.71, expected 0.9 ± 0.05");
  EXPECT_EQ(fault(near, 200, "{}"),
            "answered 200, but field /score is missing, expected 0.9 ± 0.05");
  EXPECT_EQ(fault(near, 200, "<html>"), "answered 200, but its body is no JSON");
  EXPECT_EQ(fault(near, 200, R"({"score": "0.9"})"),
            R"(answered 200, but field /score is "0.9", expected 0.9 ± 0.05)");

  const std::string part = with(R"({"pointer": "/n", "value": 200, "relative": 0.05})");
  EXPECT_EQ(fault(part, 200, R"({"n": 209})"), "");
  EXPECT_EQ(fault(part, 200, R"({"n": 211})"),
            "answered 200, but field /n is 211, expected 200 ± 5 %");

  const std::string deep = with(R"({"pointer": "/o/0", "value": {"d": [1, 2]}, "absolute": 0.5})");
  EXPECT_EQ(fault(deep, 200, R"({"o": [{"d": [1.4, 1.6]}]})"), "");
  EXPECT_EQ(fault(deep, 200, R"({"o": [{"d": [1, 2.6]}]})"),
            "answered 200, but field /o/0/d/1 is 2.6, expected 2 ± 0.5");
  EXPECT_EQ(fault(deep, 200, R"({"o": [{"d": [1]}]})"),
            "answered 200, but field /o/0/d is an array of 1, expected 2 items");
  EXPECT_EQ(fault(deep, 200, R"({"o": [{"e": [1, 2]}]})"),
            "answered 200, but field /o/0/d is missing, expected [1,2]");

  EXPECT_EQ(fault(with(R"({"pointer": "", "value": "ok"})"), 200, R"("no")"),
            R"(answered 200, but the whole is "no", expected "ok")");
  EXPECT_EQ(fault(with(R"({"pointer": "/a~1b", "value": null})"), 200, R"({"a/b": null})"), "");
}

// 0.1 becomes another double on its way through a text and back; whole numbers stay exact.
TEST(WarmUp, ForgivesRoundingAndNothingElse) {
  const std::string tenth = R"({"path": "/", "fields": [{"pointer": "", "value": 0.1}]})";
  EXPECT_EQ(fault(tenth, 200, "0.10000000000000002"), "");
  EXPECT_NE(fault(tenth, 200, "0.1000001"), "");
  const std::string large =
      R"({"path": "/", "fields": [{"pointer": "", "value": 9007199254740992}]})";
  EXPECT_EQ(fault(large, 200, "9007199254740992"), "");
  EXPECT_NE(fault(large, 200, "9007199254740994"), "");
}

TEST(WarmUp, LongAnswersAreCutInTheSentence) {
  const std::string said = fault(R"({"path": "/"})", 500, std::string(100'000, 'x'));
  EXPECT_LT(said.size(), 200U);
  EXPECT_NE(said.find("…"), std::string::npos);
}

TEST(WarmUp, IsReadFromConfigJson) {
  const auto launch = [](std::string_view warm_up) {
    const auto config =
        parse_json(R"({"command": "a", "warm_up": )" + std::string(warm_up) + "}").value();
    return launch_from_config(config.get_object(), "Custom");
  };
  EXPECT_EQ(launch(R"([{"path": "/up"}])")->warm_up.front().path, "/up");
  EXPECT_TRUE(launch("null")->warm_up.empty());
  EXPECT_EQ(launch(R"([{"path": 1}])").error().text(),
            "config.json: field [warm_up[0].path] must be a string");
}

TEST(WarmUp, VersionsStoredBeforeThereWereAnyHaveNone) {
  json::value stored = to_json(Launch{});
  stored.as_object().erase("warm_up");
  EXPECT_EQ(*launch_from_json(stored), Launch{});
}

}  // namespace
}  // namespace hitless::model
