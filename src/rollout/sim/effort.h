// How much the property tests explore.  For tests alone.
#pragma once

#include <cstdlib>

namespace hitless::rollout {

// Sanitizers look at memory and threads, not at promises, and cost twenty times as much: a tenth
// of the worlds does for them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool k_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool k_sanitized = true;
#else
inline constexpr bool k_sanitized = false;
#endif
#else
inline constexpr bool k_sanitized = false;
#endif

inline bool is_long() {
  return std::getenv("HITLESS_LONG") != nullptr;
}

}  // namespace hitless::rollout
