// One sound as the model wants it: windows with context, and a state that goes from answer to
// request.  And what its answers mean: where speech begins and ends.
//
// Values without I/O; one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hitless::vad {

inline constexpr std::size_t k_window_samples = 512;  // new ones in each request: 32 ms
inline constexpr std::size_t k_context_samples = 64;  // of the window before, repeated
inline constexpr std::size_t k_state_elements = std::size_t{2} * 128;

// The requests of one sound, in order:  while (next_request()) take_answer().
class Stream {
 public:
  // At the model's rate.  The last window is filled up with silence.
  explicit Stream(std::vector<float> samples);

  // The body of the next request; nothing at the sound's end.
  std::optional<std::string> next_request() const;

  // Reads the answer to it: the probability of speech in the window.  Moves on to the next one.
  Result<float> take_answer(std::string_view body);

 private:
  std::vector<float> samples_;  // the context of the first window, silence, comes first
  std::vector<float> state_;
  std::size_t window_ = 0;
};

struct Segment {
  double begin_seconds = 0;
  double end_seconds = 0;
};

// Turns probabilities into segments.  Speech begins where the probability reaches `threshold` and
// ends where it stays clearly below it for a moment, so that a breath does not cut a sentence.
class SpeechTracker {
 public:
  explicit SpeechTracker(float threshold) : threshold_(threshold) {}

  void add(float probability);

  std::size_t windows() const { return windows_; }
  std::size_t speech_windows() const { return speech_windows_; }  // at or above the threshold
  std::vector<Segment> segments() const;  // the last one may be open: it ends at the last window

 private:
  const float threshold_;
  std::size_t windows_ = 0;
  std::size_t speech_windows_ = 0;
  std::optional<std::size_t> begin_;
  std::size_t quiet_ = 0;  // windows below, since the last one that was not
  std::vector<Segment> closed_;
};

}  // namespace hitless::vad
