#include "base/duration_text.h"

#include <fmt/format.h>

#include <cmath>

namespace hitless {
namespace {

// "3 min", "3 min 5 s".
std::string in_two(std::int64_t whole, const char* unit, std::int64_t rest, const char* small) {
  return rest == 0 ? fmt::format("{} {}", whole, unit)
                   : fmt::format("{} {} {} {}", whole, unit, rest, small);
}

}  // namespace

std::string duration_text(Duration duration) {
  const std::int64_t micros = duration.count();
  if (micros < 0) return "-" + duration_text(-duration);
  const auto value = static_cast<double>(micros);
  if (micros < 1000) return fmt::format("{} µs", micros);
  if (micros < 999'500) return fmt::format("{:.3g} ms", value / 1e3);
  if (micros < 59'950'000) return fmt::format("{:.3g} s", value / 1e6);
  const std::int64_t seconds = std::llround(value / 1e6);
  if (seconds < 3600) return in_two(seconds / 60, "min", seconds % 60, "s");
  const std::int64_t minutes = (seconds + 30) / 60;
  return in_two(minutes / 60, "h", minutes % 60, "min");
}

}  // namespace hitless
