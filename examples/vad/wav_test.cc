#include "examples/vad/wav.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace hitless::vad {
namespace {

using testing::HasSubstr;

std::string little_endian(unsigned value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string chunk(const std::string& name, const std::string& content) {
  return name + little_endian(static_cast<unsigned>(content.size()), 4) + content +
         (content.size() % 2 == 0 ? "" : std::string(1, '\0'));
}

std::string format(unsigned number, unsigned channels, unsigned rate, unsigned bits) {
  const unsigned frame = channels * bits / 8;
  return chunk("fmt ", little_endian(number, 2) + little_endian(channels, 2) +
                           little_endian(rate, 4) + little_endian(rate * frame, 4) +
                           little_endian(frame, 2) + little_endian(bits, 2));
}

std::string wav(const std::string& chunks) {
  return "RIFF" + little_endian(static_cast<unsigned>(chunks.size() + 4), 4) + "WAVE" + chunks;
}

const std::string k_samples("\x00\x00\xff\x7f\x00\x80\x00\xc0", 8);

TEST(Wav, ReadsSamplesBetweenChunksItDoesNotKnow) {
  const auto sound = parse_wav(wav(chunk("LIST", "odd") + format(1, 1, 48000, 16) +
                                   chunk("data", k_samples) + chunk("end ", "x")));
  ASSERT_TRUE(sound) << sound.error().text();
  EXPECT_EQ(sound->rate, 48000);
  EXPECT_EQ(sound->samples, (std::vector<float>{0, 32767.0F / 32768, -1, -0.5F}));
}

TEST(Wav, SaysWhatItDoesNotRead) {
  const std::string data = chunk("data", k_samples);
  const std::vector<std::pair<std::string, const char*>> rows = {
      {"", "not a RIFF WAVE file"},
      {"OggS and much more", "not a RIFF WAVE file"},
      {wav(format(1, 2, 48000, 16) + data), "2 channels"},
      {wav(format(3, 1, 48000, 32) + data), "format 3 with 32 bits"},
      {wav(format(1, 1, 48000, 8) + data), "8 bits"},
      {wav(format(1, 1, 0, 16) + data), "a rate of 0"},
      {wav(data), "before its format"},
      {wav(format(1, 1, 48000, 16)), "no data chunk"},
      {wav(format(1, 1, 48000, 16) + data.substr(0, 12)), "cut: chunk [data] has 4 of 8 bytes"},
      {wav(chunk("fmt ", "short")), "too short"},
  };
  for (const auto& [bytes, reason] : rows) {
    const auto sound = parse_wav(bytes);
    ASSERT_FALSE(sound) << reason;
    EXPECT_THAT(sound.error().text(), HasSubstr(reason));
  }
}

TEST(Wav, SurvivesAnyBytes) {
  EXPECT_TRUE(rc::check("changed and cut files are read or refused", [] {
    std::string bytes = wav(format(1, 1, 48000, 16) + chunk("data", k_samples));
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<char>();
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
    const auto sound = parse_wav(bytes);
    if (sound) RC_ASSERT(sound->samples.size() <= k_samples.size() / 2);
  }));
}

}  // namespace
}  // namespace hitless::vad
