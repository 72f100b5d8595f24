#include "examples/vad/resample.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace hitless::vad {
namespace {

// The stop band begins at half the new rate; the cut lies in the middle of the slope.
constexpr double k_pass_hz = 7'000;
constexpr double k_stop_hz = 8'000;
constexpr double k_attenuation_db = 80;

// A symmetric low-pass at the source's rate, its sum 1 (Kaiser's design formulas).
std::vector<double> low_pass(int rate) {
  const double beta = 0.1102 * (k_attenuation_db - 8.7);
  const double slope = 2 * std::numbers::pi * (k_stop_hz - k_pass_hz) / rate;
  const int half = static_cast<int>(std::ceil((k_attenuation_db - 7.95) / (2.285 * slope) / 2));
  const double cut = (k_pass_hz + k_stop_hz) / rate;  // as a share of half the rate
  std::vector<double> taps;
  double sum = 0;
  for (int i = -half; i <= half; ++i) {
    const double angle = std::numbers::pi * cut * i;
    const double sinc = i == 0 ? 1.0 : std::sin(angle) / angle;
    const double place = static_cast<double>(i) / half;
    const double window = std::cyl_bessel_i(0.0, beta * std::sqrt(1 - place * place));
    taps.push_back(sinc * window);
    sum += taps.back();
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

float filtered_at(const std::vector<float>& samples, std::size_t centre,
                  const std::vector<double>& taps) {
  const std::size_t half = taps.size() / 2;
  const std::size_t first = centre < half ? half - centre : 0;
  const std::size_t end = std::min(taps.size(), samples.size() + half - centre);
  double sum = 0;
  for (std::size_t i = first; i < end; ++i) {
    sum += taps[i] * static_cast<double>(samples[centre + i - half]);
  }
  return static_cast<float>(sum);
}

}  // namespace

Result<std::vector<float>> to_model_rate(const Sound& sound) {
  if (sound.rate == k_model_rate) return sound.samples;
  if (sound.rate <= 0 || sound.rate % k_model_rate != 0) {
    return Error(Code::unsupported,
                 fmt::format("{} samples per second; only multiples of {} are read", sound.rate,
                             k_model_rate));
  }
  const auto factor = static_cast<std::size_t>(sound.rate / k_model_rate);
  const std::vector<double> taps = low_pass(sound.rate);
  std::vector<float> lowered;
  lowered.reserve(sound.samples.size() / factor + 1);
  for (std::size_t at = 0; at < sound.samples.size(); at += factor) {
    lowered.push_back(filtered_at(sound.samples, at, taps));
  }
  return lowered;
}

}  // namespace hitless::vad
