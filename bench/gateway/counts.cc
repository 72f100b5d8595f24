#include "bench/gateway/counts.h"

#include <charconv>

namespace hitless::bench {
namespace {

// Takes the first line off.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The number that `text` begins with, which ends there or at one of `ends`.
std::optional<std::int64_t> number_at(std::string_view text, std::string_view ends) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc()) return std::nullopt;
  if (end != last && ends.find(*end) == std::string_view::npos) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::int64_t> instructions_in(std::string_view file) {
  bool counts_instructions = false;
  while (!file.empty()) {
    std::string_view line = next_line(file);
    if (line.starts_with("events: ")) counts_instructions = line.starts_with("events: Ir");
    for (const std::string_view name : {"summary: ", "totals: "}) {
      if (!line.starts_with(name)) continue;
      if (!counts_instructions) return std::nullopt;
      line.remove_prefix(name.size());
      return number_at(line, " ");
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> events_in(std::string_view csv) {
  std::optional<std::int64_t> sum;
  while (!csv.empty()) {
    const std::string_view line = next_line(csv);
    if (line.empty() || line.starts_with('#')) continue;
    const auto count = number_at(line, ",");
    if (!count) return std::nullopt;
    sum = sum.value_or(0) + *count;
  }
  return sum;
}

}  // namespace hitless::bench
