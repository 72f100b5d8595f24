#include "examples/vad/wav.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace hitless::vad {
namespace {

constexpr std::size_t k_chunk_head_bytes = 8;
constexpr std::size_t k_format_bytes_min = 16;
constexpr unsigned k_format_pcm = 1;
constexpr unsigned k_format_extensible = 0xfffe;
// The format's number proper is the first part of an extensible format's GUID.
constexpr std::size_t k_extensible_number_at = 24;
constexpr float k_full_scale = 32768;

unsigned little_endian(std::string_view bytes, std::size_t at, std::size_t length) {
  unsigned value = 0;
  for (std::size_t i = length; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return value;
}

Result<int> read_format(std::string_view chunk) {
  if (chunk.size() < k_format_bytes_min) return Error(Code::corrupt, "its fmt chunk is too short");
  unsigned format = little_endian(chunk, 0, 2);
  if (format == k_format_extensible && chunk.size() >= k_extensible_number_at + 2) {
    format = little_endian(chunk, k_extensible_number_at, 2);
  }
  const unsigned channels = little_endian(chunk, 2, 2);
  const unsigned rate = little_endian(chunk, 4, 4);
  const unsigned bits = little_endian(chunk, 14, 2);
  if (format != k_format_pcm || bits != 16) {
    return Error(Code::unsupported,
                 fmt::format("format {} with {} bits; only 16-bit PCM is read", format, bits));
  }
  if (channels != 1) {
    return Error(Code::unsupported, fmt::format("{} channels; only one is read", channels));
  }
  constexpr unsigned rate_max = 768'000;  // the highest that converters are made for
  if (rate == 0 || rate > rate_max) {
    return Error(Code::corrupt, fmt::format("a rate of {} samples per second", rate));
  }
  return static_cast<int>(rate);
}

std::vector<float> read_samples(std::string_view chunk) {
  std::vector<float> samples(chunk.size() / 2);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto value = static_cast<std::int16_t>(little_endian(chunk, i * 2, 2));
    samples[i] = static_cast<float>(value) / k_full_scale;
  }
  return samples;
}

}  // namespace

Result<Sound> parse_wav(std::string_view bytes) {
  if (bytes.size() < 12 || bytes.substr(0, 4) != "RIFF" || bytes.substr(8, 4) != "WAVE") {
    return Error(Code::unsupported, "not a RIFF WAVE file");
  }
  std::optional<int> rate;
  std::size_t at = 12;
  while (bytes.size() - at >= k_chunk_head_bytes) {
    const std::string_view name = bytes.substr(at, 4);
    const std::size_t length = little_endian(bytes, at + 4, 4);
    at += k_chunk_head_bytes;
    if (length > bytes.size() - at) {
      return Error(Code::corrupt, fmt::format("cut: chunk [{}] has {} of {} bytes", name,
                                              bytes.size() - at, length));
    }
    const std::string_view chunk = bytes.substr(at, length);
    if (name == "fmt ") {
      HL_TRY_ASSIGN(rate, read_format(chunk));
    } else if (name == "data") {
      if (!rate) return Error(Code::corrupt, "its data come before its format");
      return Sound{.rate = *rate, .samples = read_samples(chunk)};
    }
    // Chunks begin at even places.
    at = std::min(bytes.size(), at + length + length % 2);
  }
  return Error(Code::corrupt, "it has no data chunk");
}

}  // namespace hitless::vad
