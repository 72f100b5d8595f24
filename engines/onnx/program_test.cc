// The real program with the real models; scripts/fetch-silero must have run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <latch>
#include <set>

#include "base/json.h"
#include "engines/onnx/inference_service.h"
#include "tests/support/onnx_engine.h"

namespace hitless::onnx {
namespace {

using testing::HasSubstr;
using tests::ChildProcess;
using tests::k_patience_millis;
using tests::OnnxEngine;

std::string repeated(std::string_view element, std::size_t count) {
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text.append(i == 0 ? "" : ",").append(element);
  return text + "]";
}

// Silence for `batch` listeners at once; many make a slow request.
std::string silence(std::size_t batch = 1) {
  const std::string n = std::to_string(batch);
  return R"({"id":"7","inputs":[{"name":"input","datatype":"FP32","shape":[)" + n +
         R"(,576],"data":)" + repeated("0", batch * 576) +
         R"(},{"name":"state","datatype":"FP32","shape":[2,)" + n + R"(,128],"data":)" +
         repeated("0", batch * 256) +
         R"(},{"name":"sr","datatype":"INT64","shape":[1],"data":[16000]}]})";
}

class OnnxProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path model =
        std::filesystem::path(HITLESS_SILERO_DIR) / "silero_vad_v5.onnx";
    ASSERT_TRUE(std::filesystem::exists(model)) << model << " is missing: run scripts/fetch-silero";
    std::filesystem::create_directories(package() / "model");
    std::filesystem::create_symlink(model, package() / "model" / "silero.onnx");
    write("config.json", R"({"model_algorithm":"vad","model_type":"ONNX"})");
  }

  std::filesystem::path package() const { return folder_.path() / "package"; }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(package() / "model" / name) << content;
  }

  // What `--check` says: its exit status and the text that belongs to it.
  std::pair<int, std::string> check(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {HITLESS_ONNX_PROGRAM, "--check", "--model-dir",
                                          package().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ChildProcess child({.arguments = arguments, .environment = {}, .folder = folder_.path()});
    const int status = child.wait(k_patience_millis);
    return {status, status == 0 ? child.output() : child.errors()};
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::make("onnx-program");
};

TEST_F(OnnxProgramTest, AnswersTheProtocol) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  EXPECT_EQ(engine.ask("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(engine.ask("GET", "/health").status, 200);
  EXPECT_THAT(engine.ask("GET", "/v2").body, HasSubstr(R"("name":"hitless-onnx")"));
  EXPECT_EQ(engine.ask("GET", "/v2/models/vad/ready").status, 200);
  EXPECT_THAT(engine.ask("GET", "/v2/models/vad").body,
              HasSubstr(R"({"name":"state","datatype":"FP32","shape":[2,-1,128]})"));
  EXPECT_EQ(engine.ask("GET", "/v2/models/other").status, 404);
  EXPECT_EQ(engine.ask("GET", "/elsewhere").status, 404);
  const net::HttpResponse get = engine.ask("GET", "/v2/models/vad/infer");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.get("Allow"), "POST");
}

TEST_F(OnnxProgramTest, InfersAtItsAddressAndAtTheRoot) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  for (const char* target : {"/v2/models/vad/infer", "/"}) {
    const net::HttpResponse answer = engine.ask("POST", target, silence());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
    const auto value = parse_json(answer.body);
    ASSERT_TRUE(value) << answer.body;
    EXPECT_EQ(value->at("id").as_string(), "7");
    const json::array& outputs = value->at("outputs").as_array();
    ASSERT_EQ(outputs.size(), 2U);
    EXPECT_EQ(outputs[0].at("name").as_string(), "output");
    EXPECT_LT(outputs[0].at("data").at(0).to_number<double>(), 0.2) << "silence is no speech";
    EXPECT_EQ(outputs[1].at("data").as_array().size(), 256U);
  }
}

TEST_F(OnnxProgramTest, NamesTheWrongTensorAndGoesOn) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  const net::HttpResponse refused = engine.ask(
      "POST", "/", R"({"inputs":[{"name":"state","datatype":"FP32","shape":[1],"data":[0]}]})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body,
            R"({"error":"input [state]: shape [1] does not fit the model's [2,-1,128]"})");
  EXPECT_EQ(engine.ask("POST", "/", "not JSON").status, 400);
  // The right form, and yet too short for the model's own arithmetic.
  const net::HttpResponse failed = engine.ask(
      "POST", "/",
      R"({"inputs":[{"name":"input","datatype":"FP32","shape":[1,1],"data":[0]},)"
      R"({"name":"state","datatype":"FP32","shape":[2,1,128],"data":)" +
          repeated("0", 256) + R"(},{"name":"sr","datatype":"INT64","shape":[],"data":[16000]}]})");
  EXPECT_EQ(failed.status, 400);
  EXPECT_THAT(failed.body, HasSubstr("running the model"));
  EXPECT_EQ(engine.ask("POST", "/", silence()).status, 200);
}

std::set<std::filesystem::path> open_files(const std::filesystem::path& descriptors) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(descriptors)) {
    std::error_code gone;
    files.insert(std::filesystem::read_symlink(entry.path(), gone));
  }
  return files;
}

TEST_F(OnnxProgramTest, StartsNoThreadsAndKeepsNoFilesOfTheLibrarys) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package(), {"--threads", "3"});
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  ASSERT_EQ(engine.ask("POST", "/", silence()).status, 200);
  const std::filesystem::path process = "/proc/" + std::to_string(engine.child().pid());
  const std::set<std::filesystem::path> inherited = open_files("/proc/self/fd");
  for (const std::filesystem::path& file : open_files(process / "fd")) {
    const bool is_ours = !file.is_absolute() || file == "/dev/null" || inherited.contains(file) ||
                         file.parent_path() == engine.home().parent_path();
    EXPECT_TRUE(is_ours) << file;
  }
  EXPECT_TRUE(std::filesystem::is_empty(engine.home()));
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  std::size_t threads = 0;
  // Main, the server's I/O and three handlers.
  for (const auto& entry : std::filesystem::directory_iterator(process / "task")) {
    threads += entry.is_directory() ? 1 : 0;
  }
  EXPECT_EQ(threads, 5U);
#endif
}

TEST_F(OnnxProgramTest, AnswersBusyWhenTheQueueIsFull) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package(), {"--threads", "1", "--queue", "1"});
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  constexpr int k_requests = 16;
  const std::string slow = silence(500);
  std::atomic<int> served = 0;
  std::atomic<int> busy = 0;
  std::atomic<int> told_when = 0;
  std::latch answered(k_requests);
  for (int i = 0; i < k_requests; ++i) {
    engine.client().send(engine.call("POST", "/", slow), [&](Result<net::HttpResponse> answer) {
      if (answer && answer->status == 200) ++served;
      if (answer && answer->status == 503) ++busy;
      if (answer && answer->headers.has("Retry-After")) ++told_when;
      answered.count_down();
    });
  }
  answered.wait();
  EXPECT_GE(served, 2);
  EXPECT_GE(busy, 1);
  EXPECT_EQ(served + busy, k_requests);
  EXPECT_EQ(told_when, busy);
}

TEST_F(OnnxProgramTest, FinishesWhatIsInProgressWhenTerminated) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  tests::RawSocket connection = tests::RawSocket::connect(engine.address());
  // More than a socket holds: once it is sent, the engine has begun to read it.
  const std::string body = silence(1000);
  ASSERT_TRUE(connection.send("POST / HTTP/1.1\r\nHost: e\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body));
  engine.child().signal(SIGTERM);
  const std::string answer = connection.read_to_end();
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, testing::EndsWith("]}]}"));
  EXPECT_EQ(engine.child().wait(k_patience_millis), 0) << engine.child().errors();
  EXPECT_FALSE(std::filesystem::exists(engine.socket_path()));
}

TEST_F(OnnxProgramTest, EndsAtOnceWhenTerminatedIdle) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  engine.child().signal(SIGTERM);
  EXPECT_EQ(engine.child().wait(k_patience_millis), 0);
}

TEST_F(OnnxProgramTest, EndsWithTheReasonWhenTheModelCannotBeLoaded) {
  std::filesystem::remove(package() / "model" / "silero.onnx");
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package());
  EXPECT_FALSE(engine.ready());
  EXPECT_EQ(engine.child().wait(k_patience_millis), 1);
  EXPECT_THAT(engine.child().errors(), HasSubstr("holds no .onnx file"));
}

TEST_F(OnnxProgramTest, ChecksAPackageInOneLine) {
  const auto [status, text] = check();
  ASSERT_EQ(status, 0) << text;
  const auto value = parse_json(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(value->at("inputs").as_array().size(), 3U);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(OnnxProgramTest, ChecksThatTheModelIsWhole) {
  const std::filesystem::path model = package() / "model" / "silero.onnx";
  const std::string whole = *read_file(model, 64 * 1024 * 1024);
  std::filesystem::remove(model);
  for (const std::string& content :
       {whole.substr(0, whole.size() / 2), std::string("not an ONNX model"), std::string()}) {
    write("silero.onnx", content);
    const auto [status, text] = check();
    EXPECT_EQ(status, 1) << text;
    EXPECT_THAT(text, HasSubstr("silero.onnx: loading the model")) << content.size();
  }
}

TEST_F(OnnxProgramTest, ChecksThatThePackageHasOneModelAndItsConfiguration) {
  write("second.onnx", "");
  EXPECT_THAT(check().second, HasSubstr("more than one .onnx file"));
  std::filesystem::remove(package() / "model" / "second.onnx");
  write("config.json", R"({"model_type":"Custom"})");
  EXPECT_THAT(check().second, HasSubstr("for the engine Custom"));
  write("config.json", "{");
  EXPECT_THAT(check().second, HasSubstr("config.json"));
  std::filesystem::remove(package() / "model" / "config.json");
  const auto [status, text] = check();
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("config.json"));
}

TEST_F(OnnxProgramTest, SaysWhichLibraryItCannotLoad) {
  const auto [status, text] = check({"--runtime", "/nowhere/libonnxruntime.so"});
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("/nowhere/libonnxruntime.so"));
}

TEST(InferenceService, IsAliveButNotReadyWhileTheModelIsBeingLoaded) {
  const InferenceService service("m", "1");
  const auto status = [&](std::string method, std::string target) {
    return service.handle(
        {.method = std::move(method), .target = std::move(target), .headers = {}, .body = {}});
  };
  EXPECT_EQ(status("GET", "/v2/health/live").status, 200);
  for (const char* target : {"/v2/health/ready", "/v2/models/m", "/v2/models/m/ready"}) {
    EXPECT_EQ(status("GET", target).status, 503) << target;
  }
  const net::HttpResponse infer = status("POST", "/");
  EXPECT_EQ(infer.status, 503);
  EXPECT_TRUE(infer.headers.has("Retry-After"));
}

}  // namespace
}  // namespace hitless::onnx
