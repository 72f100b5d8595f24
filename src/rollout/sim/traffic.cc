#include "rollout/sim/traffic.h"

#include <algorithm>

namespace hitless::rollout {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Traffic::pass(Duration time, const model::ServiceRoute& route,
                   const std::map<std::string, Manner>& manners) {
  double total = 0;
  for (const model::Share& share : route.shares) total += share.weight;
  if (route.standing != model::Standing::serving || total == 0) {
    if (route.standing == model::Standing::not_ready) park(time, route.hold);
    return;
  }
  parked_ = Duration{};
  if (per_second == 0) return;
  for (const model::Share& share : route.shares) {
    Count& count = counts_[share.group];
    count.due += per_second * seconds(time) * share.weight / total;
    const auto manner = manners.find(share.group);
    for (; count.due >= 1; count.due -= 1) {
      answer(count, manner == manners.end() ? Manner{} : manner->second);
    }
  }
}

// Spread evenly, latencies over a tenth around the middle.
void Traffic::answer(Count& count, const Manner& manner) const {
  const auto errors = static_cast<std::uint64_t>(manner.errors);
  const bool is_due = (count.made + 1) * errors / 100 > count.made * errors / 100;
  const bool fails = random != nullptr ? (*random)() % 100 < errors : is_due;
  const auto spread = random != nullptr ? (*random)() % 11 : count.made * 7 % 11;
  const auto micros = static_cast<std::uint64_t>(manner.latency.count()) * (95 + spread) / 100;
  ++count.made;
  ++count.outcomes.requests;
  ++count.outcomes.by_class[fails ? 5 : 2];
  count.outcomes.latency.record(micros);
  count.outcomes.first_byte.record(micros);
}

void Traffic::park(Duration time, Duration hold) {
  if (!parked_) return;
  const Duration before = *parked_;
  *parked_ += time;
  longest_hold_ = std::max(longest_hold_, *parked_);
  if (hold == Duration{} || *parked_ <= hold) return;
  const Duration late = *parked_ - std::max(before, hold);
  given_up_ += per_second * seconds(late);
}

std::uint64_t Traffic::answered() const {
  std::uint64_t made = 0;
  for (const auto& [group, count] : counts_) made += count.made;
  return made;
}

std::uint64_t Traffic::answered(const std::string& group) const {
  const auto found = counts_.find(group);
  return found == counts_.end() ? 0 : found->second.made;
}

void Traffic::begin_window() {
  for (auto& [group, count] : counts_) {
    count.before += count.outcomes;
    count.outcomes = {};
  }
}

model::Outcomes Traffic::ever(const std::string& group) const {
  const auto found = counts_.find(group);
  if (found == counts_.end()) return {};
  model::Outcomes all = found->second.before;
  all += found->second.outcomes;
  return all;
}

const model::Outcomes* Traffic::find(const std::string& group) const {
  const auto found = counts_.find(group);
  const bool any = found != counts_.end() && found->second.outcomes.requests > 0;
  return any ? &found->second.outcomes : nullptr;
}

}  // namespace hitless::rollout
