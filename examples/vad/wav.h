// Sound files as samples.  Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace hitless::vad {

struct Sound {
  int rate = 0;                // samples per second
  std::vector<float> samples;  // one channel, -1 to 1
};

// A RIFF WAVE file with 16-bit PCM in one channel.  The error says what else it is, or where it
// ends too early.
Result<Sound> parse_wav(std::string_view bytes);

}  // namespace hitless::vad
