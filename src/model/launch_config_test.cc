#include <gtest/gtest.h>

#include "model/model_version.h"

namespace hitless::model {
namespace {

using std::chrono::seconds;

Result<Launch> read(std::string_view config, std::string_view type = "Custom") {
  return launch_from_config(parse_json(config).value().get_object(), type);
}

TEST(LaunchConfig, OnnxKnowsItsOwnHealthPathAndSocket) {
  const Launch launch = *read(R"({"model_algorithm": "x", "model_type": "ONNX"})", "onnx");
  EXPECT_EQ(launch.engine, Engine::onnx);
  EXPECT_TRUE(launch.listens_on_unix);
  EXPECT_TRUE(launch.command.empty());
  EXPECT_EQ(launch.health.path, "/v2/health/ready");
  EXPECT_EQ(launch.health.initial_delay, seconds(12));
  EXPECT_EQ(*read("{}", "ONNX"), launch);
}

TEST(LaunchConfig, CustomRunsItsCommand) {
  const Launch launch = *read(R"({"command": ["./serve", "--port", "{port}"], "port": "8080"})");
  EXPECT_EQ(launch.engine, Engine::custom);
  EXPECT_EQ(launch.command, (std::vector<std::string>{"./serve", "--port", "{port}"}));
  EXPECT_FALSE(launch.listens_on_unix);
  EXPECT_EQ(launch.health, HealthCheck{});
  EXPECT_EQ(read(R"({"command": " ./serve  --port {port}\n"})")->command, launch.command);
  EXPECT_TRUE(read(R"({"command": "a", "listen": "unix"})")->listens_on_unix);
}

TEST(LaunchConfig, HealthTakesNumericStringsAndNumbers) {
  const Launch launch = *read(R"({"command": "a", "health": {"check_method": "HTTP",
      "protocol": "http", "url": "/up", "period_seconds": "2", "initial_delay_seconds": 0,
      "failure_threshold": "3", "timeout_seconds": 4}})");
  EXPECT_EQ(launch.health, (HealthCheck{.path = "/up",
                                        .command = {},
                                        .period = seconds(2),
                                        .initial_delay = seconds(0),
                                        .failure_threshold = 3,
                                        .timeout = seconds(4)}));
}

TEST(LaunchConfig, HealthByCommand) {
  const Launch launch =
      *read(R"({"command": "a", "health": {"check_method": "EXEC", "command": "sh -c true"}})");
  EXPECT_EQ(launch.health.method, HealthCheck::Method::exec);
  EXPECT_EQ(launch.health.command, (std::vector<std::string>{"sh", "-c", "true"}));
}

TEST(LaunchConfig, PrefersTheReadinessProbe) {
  EXPECT_EQ(read(R"({"command": "a", "health": {"url": "/h"}, "startup_health": {"url": "/s"},
                     "readiness_health": {"url": "/r"}})")
                ->health.path,
            "/r");
  EXPECT_EQ(read(R"({"command": "a", "startup_health": {"url": "/s"}, "health": {"url": "/h"}})")
                ->health.path,
            "/h");
  EXPECT_EQ(read(R"({"command": "a", "startup_health": {"url": "/s"}})")->health.path, "/s");
}

TEST(LaunchConfig, ToleratesWhatPublishedSamplesHold) {
  EXPECT_TRUE(read(R"({"command": "a", "model_algorithm": "image_classification",
      "model_type": "custom", "runtime": "python3.6", "swr_location": "x", "procotol": "http",
      "metrics": {"f1": 1}, "apis": [{"procotol": "http", "item": 1,
      "response": {"Content-type": "applicaton/json"}}], "dependencies": []})"));
}

struct Refused {
  std::string_view config;
  std::string_view text;
};

class LaunchConfigRefuses : public testing::TestWithParam<Refused> {};

TEST_P(LaunchConfigRefuses, NamingTheField) {
  const Result<Launch> launch = read(GetParam().config);
  ASSERT_FALSE(launch) << GetParam().config;
  EXPECT_EQ(launch.error().code(), Code::invalid);
  EXPECT_NE(launch.error().text().find(GetParam().text), std::string::npos)
      << launch.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LaunchConfigRefuses,
    testing::Values(
        Refused{"{}", "field [command] must be given when model_type is \"Custom\""},
        Refused{R"({"command": []})", "field [command] must be a program"},
        Refused{R"({"command": " "})", "field [command] must be a program"},
        Refused{R"({"command": [1]})", "field [command] must be an array of strings"},
        Refused{R"({"command": "a", "comand": 1, "x": 2})", "has unknown fields: comand, x"},
        Refused{R"({"command": "a", "model_type": "ONNX"})", "field [model_type] must be"},
        Refused{R"({"command": "a", "port": 0})", "field [port] must be a whole number from 1"},
        Refused{R"({"command": "a", "port": "80a"})", "field [port]"},
        Refused{R"({"command": "a", "protocol": "https"})", "field [protocol]"},
        Refused{R"({"command": "a", "listen": "udp"})", "field [listen]"},
        Refused{R"({"command": "a", "health": "x"})", "field [health] must be an object"},
        Refused{R"({"command": "a", "health": {"uri": "/"}})", "unknown fields: health.uri"},
        Refused{R"({"command": "a", "health": {"url": "up"}})",
                "field [health.url] must be a path"},
        Refused{R"({"command": "a", "health": {"url": "/a b"}})", "field [health.url]"},
        Refused{R"({"command": "a", "health": {"url": "/a\r\nX: y"}})", "field [health.url]"},
        Refused{R"({"command": "a", "health": {"protocol": "tcp"}})", "field [health.protocol]"},
        Refused{R"({"command": "a", "health": {"check_method": "PING"}})",
                "field [health.check_method] must be \"HTTP\" or \"EXEC\""},
        Refused{R"({"command": "a", "health": {"check_method": "EXEC"}})",
                "field [health.command] must be given"},
        Refused{R"({"command": "a", "health": {"period_seconds": "0"}})",
                "config.json: field [health.period_seconds] must be a whole number from 1 to "
                "2147483647"},
        Refused{R"({"command": "a", "health": {"period_seconds": "2147483648"}})",
                "field [health.period_seconds]"},
        Refused{R"({"command": "a", "health": {"initial_delay_seconds": -1}})",
                "field [health.initial_delay_seconds]"},
        Refused{R"({"command": "a", "health": {"failure_threshold": 1.5}})",
                "field [health.failure_threshold]"},
        Refused{R"({"command": "a", "readiness_health": {"timeout_seconds": ""}})",
                "field [readiness_health.timeout_seconds]"}));

TEST(LaunchConfig, RefusesTypesThatItCannotRun) {
  for (const std::string_view type : {"TensorFlow", "PyTorch", "Image", "Template", ""}) {
    const Error error = read("{}", type).error();
    EXPECT_EQ(error.code(), Code::unsupported);
    EXPECT_NE(error.text().find("ONNX"), std::string::npos);
    EXPECT_NE(error.text().find("Custom"), std::string::npos);
  }
  EXPECT_FALSE(read(R"({"command": "a"})", "ONNX"));
}

}  // namespace
}  // namespace hitless::model
