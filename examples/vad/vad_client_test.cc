// The real client against the real engine with the real models and spoken files: needs
// scripts/fetch-silero and the sounds of the package alsa-utils.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "tests/support/onnx_engine.h"

namespace hitless::vad {
namespace {

using testing::HasSubstr;
using tests::ChildProcess;
using tests::k_patience_millis;
using tests::OnnxEngine;

const std::filesystem::path k_sounds = "/usr/share/sounds/alsa";

struct Ended {
  int status;
  std::string output;
  std::string errors;
};

class VadClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(std::filesystem::exists(k_sounds / "Noise.wav"))
        << k_sounds << " is missing: apt-get install alsa-utils";
    packages_ = new TemporaryDirectory(*TemporaryDirectory::make("vad-packages"));
    std::vector<std::string> environment;
    for (const char* name : {"HOME", "HITLESS_CACHE"}) {
      if (const char* value = std::getenv(name)) {
        environment.push_back(std::string(name) + "=" + value);
      }
    }
    ChildProcess make({.arguments = {HITLESS_MAKE_PACKAGES, packages_->path() / "packages"},
                       .environment = environment,
                       .folder = packages_->path()});
    ASSERT_EQ(make.wait(k_patience_millis), 0) << make.errors() << "run scripts/fetch-silero";
  }
  static void TearDownTestSuite() {
    delete packages_;
    packages_ = nullptr;
  }

  static std::filesystem::path package(const std::string& name) {
    return packages_->path() / "packages" / name;
  }
  static std::string sound(const std::string& name) { return k_sounds / name; }
  static std::vector<std::string> spoken() {
    std::vector<std::string> files;
    for (const char* where : {"Front", "Rear"}) {
      for (const char* side : {"_Center.wav", "_Left.wav", "_Right.wav"}) {
        files.push_back(sound(std::string(where) + side));
      }
    }
    files.push_back(sound("Side_Left.wav"));
    files.push_back(sound("Side_Right.wav"));
    return files;
  }

  Ended listen(const OnnxEngine& engine, std::vector<std::string> more,
               const std::vector<std::string>& files) {
    std::vector<std::string> arguments = {HITLESS_VAD_CLIENT, "--url", "http://engine/", "--unix",
                                          engine.socket_path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), files.begin(), files.end());
    ChildProcess client({.arguments = arguments, .environment = {}, .folder = folder_.path()});
    const int status = client.wait(k_patience_millis);
    return {status, client.output(), client.errors()};
  }

  static inline TemporaryDirectory* packages_ = nullptr;
  TemporaryDirectory folder_ = *TemporaryDirectory::make("vad-client");
};

TEST_F(VadClientTest, FindsSpeechInSpokenFilesAndNoneInNoiseWithBothVersions) {
  for (const char* version : {"silero-vad-v5", "silero-vad-v6"}) {
    OnnxEngine engine(HITLESS_ONNX_PROGRAM, package(version));
    ASSERT_TRUE(engine.ready()) << engine.child().errors();
    const Ended speech = listen(engine, {"--json", "--expect-speech", "60-75"}, spoken());
    EXPECT_EQ(speech.status, 0) << version << speech.errors << speech.output;
    const auto summary = parse_json(speech.output);
    ASSERT_TRUE(summary) << speech.output;
    EXPECT_EQ(summary->at("requests").to_number<int>(), 360) << "11.5 s in windows of 32 ms";
    for (const json::value& file : summary->at("files").as_array()) {
      const json::array& segments = file.at("segments").as_array();
      ASSERT_FALSE(segments.empty()) << version << to_json_text(file);
      EXPECT_LT(segments.front().at("begin_seconds").to_number<double>(), 0.25);
    }
    const Ended noise = listen(engine, {"--expect-speech", "0-0"}, {sound("Noise.wav")});
    EXPECT_EQ(noise.status, 0) << version << noise.errors;
    EXPECT_THAT(noise.output, HasSubstr("Noise.wav: no speech\n"));
  }
}

TEST_F(VadClientTest, PrintsWhereSpeechBeginsAndEnds) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package("silero-vad-v6"));
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  const Ended ended = listen(engine, {}, {sound("Front_Center.wav")});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  // "Front" and "center".
  EXPECT_THAT(ended.output, HasSubstr("Front_Center.wav: speech from 0.10 s to 0.51 s\n"
                                      "Front_Center.wav: speech from 0.80 s to 1.41 s\n"));
  EXPECT_THAT(ended.output, HasSubstr("45 requests"));
}

TEST_F(VadClientTest, LoadsUntilItIsStoppedAndCountsEveryRequest) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package("silero-vad-v6"));
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  const Ended timed = listen(engine, {"--streams", "3", "--seconds", "0.5", "--json"}, spoken());
  EXPECT_EQ(timed.status, 0) << timed.errors;
  const auto tally = parse_json(timed.output);
  ASSERT_TRUE(tally) << timed.output;
  EXPECT_GT(tally->at("requests").to_number<int>(), 3);
  EXPECT_EQ(tally->at("requests"), tally->at("ok"));
  EXPECT_GT(tally->at("speech_windows").to_number<int>(), 0);
  EXPECT_THAT(listen(engine, {"--streams", "3"}, spoken()).errors, HasSubstr("--until-stopped"));
}

// Its engine ends under it: what fails is said by kind, and nothing is asked twice in secret.
TEST_F(VadClientTest, SaysHowRequestsOfALoadFailed) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package("silero-vad-v6"));
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  engine.child().signal(SIGKILL);
  engine.child().wait(k_patience_millis);
  const Ended ended = listen(engine, {"--streams", "1", "--seconds", "0.05"}, spoken());
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.output, HasSubstr("refused: "));
  EXPECT_THAT(ended.errors, HasSubstr("requests failed"));
}

TEST_F(VadClientTest, EndsWithOneWhenTheShareIsNotAsExpected) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package("silero-vad-v5"));
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  const Ended ended = listen(engine, {"--expect-speech", "10-20"}, {sound("Noise.wav")});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("speech in 0.0 % of the windows, expected 10-20 %"));
}

TEST_F(VadClientTest, SaysWhatItCouldNotDo) {
  OnnxEngine engine(HITLESS_ONNX_PROGRAM, package("silero-vad-v5"));
  ASSERT_TRUE(engine.ready()) << engine.child().errors();
  std::ofstream(folder_.path() / "text.wav") << "no sound";
  EXPECT_THAT(listen(engine, {}, {folder_.path() / "text.wav"}).errors,
              HasSubstr("text.wav: not a RIFF WAVE file"));
  EXPECT_THAT(listen(engine, {}, {"/nowhere.wav"}).errors, HasSubstr("/nowhere.wav"));
  EXPECT_THAT(listen(engine, {"--expect-speech", "much"}, {sound("Noise.wav")}).errors,
              HasSubstr("must be MIN-MAX"));
  engine.child().signal(SIGTERM);
  ASSERT_EQ(engine.child().wait(k_patience_millis), 0);
  const Ended refused = listen(engine, {}, {sound("Noise.wav")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.errors, HasSubstr("Noise.wav: "));
}

}  // namespace
}  // namespace hitless::vad
