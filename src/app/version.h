// The one version of every part of hitless.
#pragma once

namespace hitless::app {

inline constexpr const char* k_version = "0.1.0";

}  // namespace hitless::app
