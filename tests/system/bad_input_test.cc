// What users get wrong, and what machines do to them: the error names the cause and what to do, and
// the service that runs is untouched.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "net/listen_socket.h"
#include "tests/support/hitless_process.h"
#include "tests/support/load.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

// Beside every mistake runs a service under a light load, and must not notice.
class BadInput : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(ProcessOptions options) {
    hitless_ = HitlessProcess::start(std::move(options));
    good_ = import_model(*hitless_, {.version = "v1"});
    service_ = std::make_unique<PretendService>(
        *hitless_, "neighbour", std::vector<Entry>{{.model_id = good_, .count = 2}});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
    load_ = std::make_unique<Load>(LoadOptions{.gateway = hitless_->gateway(),
                                               .service = service_->id(),
                                               .token = hitless_->token(),
                                               .kept_connections = 2,
                                               .fresh_connections = 1});
  }

  void TearDown() override {
    if (load_) {
      EXPECT_TRUE(load_->wait_for_more(200));
      const Outcome outcome = load_->stop();
      EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
    }
    load_.reset();
    service_.reset();
    hitless_.reset();
  }

  fs::path package_with(const std::string& config) {
    const fs::path folder = hitless_->folder() / "packages" / "bad";
    fs::create_directories(folder / "model");
    std::ofstream(folder / "model" / "config.json") << config;
    return folder;
  }

  // The refusal of this package: at once, or by the import.
  std::string refusal_of(const std::string& type, const fs::path& package) {
    const ApiAnswer answer = post_model(*hitless_, "bad", "0.0.1", type, package);
    if (answer.status != 200) {
      EXPECT_EQ(answer.status, 400) << answer.text;
      EXPECT_TRUE(answer.body.is_object() && answer.object().contains("error_code"));
      EXPECT_EQ(hitless_->get("/models?model_name=bad").object().at("total_count"), 0);
      return answer.text;
    }
    const std::string id(answer.object().at("model_id").as_string());
    const ApiAnswer details = wait_for_import(*hitless_, id);
    EXPECT_EQ(details.object().at("model_status").as_string(), "failed") << details.text;
    const ApiAnswer used =
        hitless_->api("POST", "/services",
                      json::object{{"service_name", "of-bad"},
                                   {"infer_type", "real-time"},
                                   {"config", to_config({{.model_id = id, .count = 1}})}});
    EXPECT_EQ(used.status, 400) << used.text;
    return details.text;
  }

  // The commands of all processes that name this folder.
  std::vector<std::string> running_with(const fs::path& folder) const {
    std::vector<std::string> commands;
    for (const OwnedProcess& process : hitless_->processes()) {
      if (process.command.find(folder.string()) != std::string::npos) {
        commands.push_back(process.command);
      }
    }
    return commands;
  }

  std::unique_ptr<HitlessProcess> hitless_;
  std::unique_ptr<PretendService> service_;
  std::unique_ptr<Load> load_;
  std::string good_;
};

TEST_F(BadInput, MissingPackageIsNamed) {
  EXPECT_THAT(refusal_of("Custom", hitless_->folder() / "nowhere"),
              AllOf(HasSubstr("nowhere"), HasSubstr("model/"), HasSubstr("put config.json")));
}

TEST_F(BadInput, MissingConfigIsNamed) {
  fs::create_directories(hitless_->folder() / "empty" / "model");
  EXPECT_THAT(refusal_of("Custom", hitless_->folder() / "empty"),
              HasSubstr("every package needs a model/config.json"));
}

TEST_F(BadInput, ConfigThatIsNoJsonIsNamed) {
  EXPECT_THAT(refusal_of("Custom", package_with("{\"command\": [")),
              HasSubstr("config.json is no JSON, mend it"));
}

TEST_F(BadInput, UnknownFieldInConfigIsNamed) {
  EXPECT_THAT(refusal_of("Custom", package_with(R"({"comand": ["x"]})")), HasSubstr("comand"));
}

TEST_F(BadInput, ModelUsedByNoServiceThatExistsIsNamed) {
  const ApiAnswer answer = hitless_->api(
      "PUT", service_->path(),
      json::object{{"config", to_config({{.model_id = "no-such-model", .count = 2}})}});
  EXPECT_EQ(answer.status, 404) << answer.text;
  EXPECT_THAT(answer.text, HasSubstr("no-such-model"));
  EXPECT_EQ(service_->rollouts().size(), 1U);
}

TEST_F(BadInput, FieldInTheWrongPlaceIsNamedWithItsPlace) {
  json::object entry = to_json(Entry{.model_id = good_});
  entry["max_surge"] = 2;
  const ApiAnswer answer =
      hitless_->api("PUT", service_->path(), json::object{{"config", json::array{entry}}});
  EXPECT_EQ(answer.status, 400) << answer.text;
  EXPECT_THAT(answer.text, AllOf(HasSubstr("max_surge"), HasSubstr("additional_properties")));
}

TEST_F(BadInput, CorruptOnnxFileIsNamed) {
  const fs::path folder = package_with(R"({"model_type": "ONNX", "model_algorithm": "x"})");
  std::ofstream(folder / "model" / "model.onnx") << "this is no model";
  EXPECT_THAT(refusal_of("ONNX", folder),
              AllOf(HasSubstr("cannot load"), HasSubstr("export it again")));
}

TEST_F(BadInput, PortThatIsNeverOpenedEndsTheDeploymentWithTheReason) {
  const std::string deaf =
      import_model(*hitless_, {.version = "deaf", .flags = {"--never-listen"}, .listen = "tcp"});
  PretendService service(*hitless_, "deaf",
                         {{.model_id = deaf, .count = 1, .deploy_timeout_seconds = 2}});
  const std::string rollout = service.newest_rollout();
  EXPECT_EQ(service.wait_for_end(rollout), "failed");
  const json::object details = service.details();
  EXPECT_EQ(details.at("status").as_string(), "failed");
  EXPECT_THAT(to_json_text(details),
              AllOf(HasSubstr("error_msg"), HasSubstr("/health"), HasSubstr("onnect"),
                    HasSubstr("$PORT"), HasSubstr("hitless service instance-log")));
  EXPECT_TRUE(eventually([&] { return service.live_instances().empty(); }));
}

TEST_F(BadInput, ProgramThatDoesNotExistEndsTheDeploymentWithTheReason) {
  const fs::path folder = package_with(R"({"command": ["/no/such/program"]})");
  const ApiAnswer answer = post_model(*hitless_, "ghost", "0.0.1", "Custom", folder);
  ASSERT_EQ(answer.status, 200) << answer.text;
  const std::string id(answer.object().at("model_id").as_string());
  wait_for_import(*hitless_, id);
  PretendService service(*hitless_, "ghost", {{.model_id = id, .count = 1}});
  EXPECT_EQ(service.wait_for_end(service.newest_rollout()), "failed");
  EXPECT_THAT(to_json_text(service.details()),
              AllOf(HasSubstr("/no/such/program"), HasSubstr("check the command")));
}

TEST_F(BadInput, SecondServeOnTheSameStateIsRefusedWithThePidOfTheFirst) {
  const CommandOutcome second =
      hitless_->run({"serve", "--state", hitless_->state().string(), "--listen", "127.0.0.1:0",
                     "--gateway-listen", "127.0.0.1:0"});
  EXPECT_NE(second.status, 0);
  EXPECT_THAT(second.output,
              AllOf(HasSubstr(fmt::format("pid {}", hitless_->serve_pid())), HasSubstr("--state")));
  EXPECT_EQ(hitless_->get("//hitless/v1/status").status, 200);
}

TEST_F(BadInput, AddressOfTheApiInUseIsNamedAndNothingIsLeft) {
  const auto taken = net::ListenSocket::open({.host = "127.0.0.1", .port = 0, .path = {}}, 0);
  ASSERT_TRUE(taken) << taken.error().text();
  const fs::path state = hitless_->folder() / "second";
  const CommandOutcome refused =
      hitless_->run({"serve", "--state", state.string(), "--listen", to_text(taken->address()),
                     "--gateway-listen", "127.0.0.1:0"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, AllOf(HasSubstr(to_text(taken->address())), HasSubstr("in use"),
                                    HasSubstr("stop what listens there"), HasSubstr("--listen")));
  EXPECT_THAT(names_in(state), Each(EndsWith(".lock")));
  EXPECT_THAT(running_with(state), IsEmpty());
}

TEST_F(BadInput, AddressOfTheGatewayInUseIsNamedAndNothingIsLeft) {
  const fs::path state = hitless_->folder() / "second";
  const CommandOutcome refused =
      hitless_->run({"serve", "--state", state.string(), "--listen", "127.0.0.1:0",
                     "--gateway-listen", to_text(hitless_->gateway())});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output,
              AllOf(HasSubstr(to_text(hitless_->gateway())), HasSubstr("in use"),
                    HasSubstr("stop what listens there"), HasSubstr("--gateway-listen")));
  EXPECT_THAT(names_in(state), Each(EndsWith(".lock")));
  EXPECT_THAT(running_with(state), IsEmpty());
}

TEST_F(BadInput, MisspeltSettingIsNamed) {
  const fs::path file = hitless_->folder() / "hitless.conf";
  std::ofstream(file) << "lsten=\"127.0.0.1:0\"\n";
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"config", "check", file.string()},
        std::vector<std::string>{"serve", "--config", file.string(), "--state",
                                 (hitless_->folder() / "second").string()}}) {
    const CommandOutcome refused = hitless_->run(line);
    EXPECT_NE(refused.status, 0) << line.front();
    EXPECT_THAT(refused.output, AllOf(HasSubstr("no setting [lsten]"), HasSubstr("config show")));
  }
}

TEST_F(BadInput, DatabaseOfGarbageIsNamedAndLeftAsItIs) {
  hitless_->ask_serve_to_stop();
  const fs::path database = hitless_->state() / "hitless.db";
  const fs::path aside = hitless_->folder() / "aside";
  fs::create_directory(aside);
  for (const char* name : {"hitless.db", "hitless.db-wal", "hitless.db-shm"}) {
    if (fs::exists(hitless_->state() / name)) fs::rename(hitless_->state() / name, aside / name);
  }
  std::ofstream(database) << std::string(8192, 'x');
  const CommandOutcome refused =
      hitless_->run({"serve", "--state", hitless_->state().string(), "--listen", "127.0.0.1:0",
                     "--gateway-listen", "127.0.0.1:0"});
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output,
              AllOf(HasSubstr("hitless.db"), HasSubstr("restore it from a backup")));
  EXPECT_EQ(fs::file_size(database), 8192U) << "the file was touched";
  EXPECT_TRUE(load_->wait_for_more(200));
  for (const auto& file : fs::directory_iterator(aside)) {
    fs::rename(file.path(), hitless_->state() / file.path().filename());
  }
  hitless_->start_serve();
  EXPECT_EQ(service_->status(), "running");
}

// A small file system of its own for the state directory; needs root.
class FullDisk : public BadInput {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a small file system needs root";
    auto made = TemporaryDirectory::make("hl");
    ASSERT_TRUE(made.has_value());
    place_.emplace(*std::move(made));
    if (::mount("hitless-test", place_->path().c_str(), "tmpfs", 0, "size=24m,mode=0755") != 0) {
      GTEST_SKIP() << "mounting a tmpfs is not allowed here";
    }
    is_mounted_ = true;
    fs::permissions(place_->path(), fs::perms(0755));
    start({.state = place_->path() / "s", .has_engines = false});
  }

  void TearDown() override {
    BadInput::TearDown();
    if (is_mounted_) ::umount2(place_->path().c_str(), MNT_DETACH);
  }

  fs::path filler() const { return place_->path() / "filler"; }

  void fill() {
    std::ofstream out(filler(), std::ios::binary | std::ios::app);
    const std::string block(64 * 1024, 'x');
    while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    out.clear();
    while (out.write("xxxx", 4).flush()) {
    }
  }

  std::optional<TemporaryDirectory> place_;
  bool is_mounted_ = false;
};

TEST_F(FullDisk, RefusesChangesWithTheReasonAndWorksAgainOnceThereIsRoom) {
  const std::string v2 = import_model(*hitless_, {.version = "v2"});
  fill();
  const ApiAnswer refused = hitless_->api(
      "PUT", service_->path(), json::object{{"config", to_config({{.model_id = v2, .count = 2}})}});
  EXPECT_GE(refused.status, 400) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("free some space"));
  EXPECT_EQ(service_->status(), "running");
  EXPECT_TRUE(load_->wait_for_more(500));

  fs::remove(filler());
  const std::string rollout = service_->update({{.model_id = v2, .count = 2}});
  EXPECT_EQ(service_->wait_for_end(rollout), "succeeded");
}

TEST_F(FullDisk, DuringAChangeDelaysItAndLosesNothing) {
  const std::string v2 =
      import_model(*hitless_, {.version = "v2", .flags = {"--start-delay-ms", "200"}});
  const std::string rollout = service_->update({{.model_id = v2, .count = 2}});
  fill();
  EXPECT_TRUE(load_->wait_for_more(1000));
  fs::remove(filler());
  const std::string phase = service_->wait_for_end(rollout);
  EXPECT_TRUE(phase == "succeeded" || phase == "rolled_back") << phase;
  EXPECT_EQ(service_->status(), "running");
}

}  // namespace
}  // namespace hitless::tests
