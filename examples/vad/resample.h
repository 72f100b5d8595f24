// Lowers a sound's rate by a whole factor.  Pure; any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "examples/vad/wav.h"

namespace hitless::vad {

inline constexpr int k_model_rate = 16'000;  // what the model was trained on

// The samples at k_model_rate.  Rates that are no multiple of it are an Error; at k_model_rate the
// samples pass unchanged.  Otherwise a Kaiser-windowed sinc takes away what the new rate cannot
// carry (80 dB down from 8 kHz on, flat to 7 kHz), without delay; outside is silence.
Result<std::vector<float>> to_model_rate(const Sound& sound);

}  // namespace hitless::vad
