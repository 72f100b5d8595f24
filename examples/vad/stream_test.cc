#include "examples/vad/stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/json.h"

namespace hitless::vad {
namespace {

using testing::HasSubstr;

std::string answer(float probability, float state, std::size_t state_elements = k_state_elements) {
  std::string states;
  for (std::size_t i = 0; i < state_elements; ++i) {
    states += fmt::format("{}{}", i == 0 ? "" : ",", state);
  }
  return fmt::format(R"({{"outputs":[{{"name":"stateN","data":[{}]}},)"
                     R"({{"name":"output","data":[{}]}}]}})",
                     states, probability);
}

std::vector<float> sent(const std::string& body, std::size_t input) {
  const auto value = parse_json(body);
  std::vector<float> numbers;
  for (const json::value& number : value->at("inputs").at(input).at("data").as_array()) {
    numbers.push_back(number.to_number<float>());
  }
  return numbers;
}

TEST(Stream, SendsContextNewSamplesAndTheLastState) {
  std::vector<float> samples(600);
  std::iota(samples.begin(), samples.end(), 1.0F);
  Stream stream(samples);

  const std::vector<float> first = sent(*stream.next_request(), 0);
  ASSERT_EQ(first.size(), 576U);
  EXPECT_EQ(first[63], 0.0F) << "before the sound is silence";
  EXPECT_EQ(first[64], 1.0F);
  EXPECT_EQ(first[575], 512.0F);
  EXPECT_EQ(sent(*stream.next_request(), 1), std::vector<float>(k_state_elements, 0.0F));
  EXPECT_FLOAT_EQ(*stream.take_answer(answer(0.75F, 0.5F)), 0.75F);

  const std::vector<float> second = sent(*stream.next_request(), 0);
  EXPECT_EQ(second[0], 449.0F) << "the last 64 of the window before";
  EXPECT_EQ(second[64], 513.0F);
  EXPECT_EQ(second[151], 600.0F);
  EXPECT_EQ(second[152], 0.0F) << "the last window is filled up";
  EXPECT_EQ(sent(*stream.next_request(), 1), std::vector<float>(k_state_elements, 0.5F));
  ASSERT_TRUE(stream.take_answer(answer(0.25F, 0)));
  EXPECT_FALSE(stream.next_request());
}

TEST(Stream, SendsNothingForAnEmptySound) {
  EXPECT_FALSE(Stream({}).next_request());
}

TEST(Stream, RefusesAnswersOfAnotherModelAndStaysWhereItWas) {
  Stream stream(std::vector<float>(512, 0.0F));
  const std::string before = *stream.next_request();
  EXPECT_THAT(stream.take_answer("[]").error().text(), HasSubstr("no JSON object"));
  EXPECT_THAT(stream.take_answer(R"({"outputs":[]})").error().text(), HasSubstr("[output]"));
  EXPECT_THAT(stream.take_answer(answer(0, 0, 3)).error().text(),
              HasSubstr("[stateN] has 3 elements"));
  EXPECT_EQ(*stream.next_request(), before);
}

SpeechTracker track(const std::vector<float>& probabilities) {
  SpeechTracker tracker(0.5F);
  for (const float probability : probabilities) tracker.add(probability);
  return tracker;
}

TEST(SpeechTracker, EndsSpeechAfterFourQuietWindows) {
  const SpeechTracker tracker = track({0, 0.9F, 0.9F, 0, 0, 0, 0, 0, 0.6F});
  ASSERT_EQ(tracker.segments().size(), 2U);
  EXPECT_DOUBLE_EQ(tracker.segments()[0].begin_seconds, 0.032);
  EXPECT_DOUBLE_EQ(tracker.segments()[0].end_seconds, 0.096);
  EXPECT_DOUBLE_EQ(tracker.segments()[1].begin_seconds, 0.256);
  EXPECT_DOUBLE_EQ(tracker.segments()[1].end_seconds, 0.288) << "open at the end";
  EXPECT_EQ(tracker.windows(), 9U);
  EXPECT_EQ(tracker.speech_windows(), 3U);
}

TEST(SpeechTracker, HoldsThroughShortPausesAndDoubtfulWindows) {
  EXPECT_EQ(track({0.9F, 0, 0, 0, 0.9F}).segments().size(), 1U);
  EXPECT_EQ(track({0.9F, 0.4F, 0.4F, 0.4F, 0.4F, 0.4F, 0.9F}).segments().size(), 1U);
  EXPECT_TRUE(track({0.4F, 0.4F}).segments().empty());
}

}  // namespace
}  // namespace hitless::vad
