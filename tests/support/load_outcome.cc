#include "tests/support/load_outcome.h"

#include <fmt/format.h>

#include <algorithm>

namespace hitless::tests {
namespace {

constexpr std::size_t k_failures_kept = 12;

std::uint64_t sum_of(const std::map<std::pair<std::string, std::string>, std::uint64_t>& counts,
                     const std::string& version) {
  std::uint64_t sum = 0;
  for (const auto& [key, count] : counts) sum += key.second == version ? count : 0;
  return sum;
}

}  // namespace

std::string to_text(Ending ending) {
  switch (ending) {
    case Ending::answered: return "answered";
    case Ending::wrong_body: return "wrong body";
    case Ending::malformed: return "malformed answer";
    case Ending::refused: return "refused";
    case Ending::reset: return "reset";
    case Ending::truncated: return "truncated";
    case Ending::timed_out: return "timed out";
  }
  return "?";
}

std::uint64_t Outcome::count(Ending ending) const {
  const auto place = by_ending.find(ending);
  return place == by_ending.end() ? 0 : place->second;
}

std::uint64_t Outcome::good_of(const std::string& version) const {
  return sum_of(by_revision, version);
}

std::uint64_t Outcome::wrong_of(const std::string& version) const {
  return sum_of(wrong_by_revision, version);
}

std::chrono::microseconds Outcome::percentile(double share) const {
  if (latency_us.empty()) return {};
  std::vector<std::uint32_t> sorted = latency_us;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
  return std::chrono::microseconds(sorted[static_cast<std::size_t>(at)]);
}

Outcome& Outcome::operator+=(const Outcome& other) {
  requests += other.requests;
  good += other.good;
  wrong += other.wrong;
  streams += other.streams;
  for (const auto& [ending, count] : other.by_ending) by_ending[ending] += count;
  for (const auto& [status, count] : other.by_status) by_status[status] += count;
  for (const auto& [revision, count] : other.by_revision) by_revision[revision] += count;
  for (const auto& [revision, count] : other.wrong_by_revision) {
    wrong_by_revision[revision] += count;
  }
  latency_us.insert(latency_us.end(), other.latency_us.begin(), other.latency_us.end());
  for (const std::string& failure : other.first_failures) {
    if (first_failures.size() < k_failures_kept) first_failures.push_back(failure);
  }
  return *this;
}

std::string describe(const Outcome& outcome) {
  std::string text = fmt::format(
      "{} requests, {} good, {} wrong, {} failed, p50 {} us, p99 {} us, longest {} us\n",
      outcome.requests, outcome.good, outcome.wrong, outcome.failed(),
      outcome.percentile(0.5).count(), outcome.percentile(0.99).count(),
      outcome.percentile(1).count());
  for (const auto& [ending, count] : outcome.by_ending) {
    text += fmt::format("  {}: {}\n", to_text(ending), count);
  }
  for (const auto& [status, count] : outcome.by_status) {
    text += fmt::format("  status {}: {}\n", status, count);
  }
  for (const auto& [key, count] : outcome.by_revision) {
    text += fmt::format("  revision {} answered as {}: {}\n", key.first, key.second, count);
  }
  for (const auto& [key, count] : outcome.wrong_by_revision) {
    text += fmt::format("  revision {} answered wrongly as {}: {}\n", key.first, key.second, count);
  }
  for (const std::string& failure : outcome.first_failures) text += "  " + failure + "\n";
  return text;
}

}  // namespace hitless::tests
