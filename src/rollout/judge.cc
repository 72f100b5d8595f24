#include "rollout/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "base/duration_text.h"

namespace hitless::rollout {
namespace {

using model::Evidence;
using model::Histogram;
using model::Measure;
using model::Outcomes;
using model::Tally;
using model::Verdict;

struct Count {
  std::uint64_t events = 0;
  std::uint64_t total = 0;
};

// What hitless failed is 5xx of its own or a cut answer, so that `failed` adds nothing to these.
Count errors_of(const Outcomes& side) {
  const std::uint64_t events = std::max(side.by_class[5] + side.cut, side.failed);
  return {std::min(events, side.requests), side.requests};
}
Count client_errors_of(const Outcomes& side) {
  return {side.by_class[4], side.requests};
}
Count cut_answers_of(const Outcomes& side) {
  return {side.cut, side.requests};
}

// A measure counts by a function of its own, or what is slower than a limit in a histogram.
struct MeasureKind {
  std::string_view name;
  std::string_view what;  // of latencies the limit follows
  Count (*count)(const Outcomes&) = nullptr;
  Histogram Outcomes::*histogram = nullptr;
  double quantile = 0;
};

constexpr std::array<MeasureKind, k_measures> k_kinds{{
    {"errors", "answers of class 5xx and cut ones", errors_of},
    {"client errors", "answers of class 4xx", client_errors_of},
    {"latency p50", "answers slower than", nullptr, &Outcomes::latency, 0.5},
    {"latency p99", "answers slower than", nullptr, &Outcomes::latency, 0.99},
    {"first byte p50", "first bytes later than", nullptr, &Outcomes::first_byte, 0.5},
    {"cut answers", "answers that broke off", cut_answers_of},
}};

// 12,345: reports are read by people.
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, 1, ',');
  return text;
}

std::uint64_t slow_in(const Histogram& histogram, std::int64_t limit_us) {
  return histogram.count_above(static_cast<std::uint64_t>(limit_us));
}

Tally tally_of(const MeasureKind& kind, const JudgeInput& input, std::int64_t limit_us) {
  if (kind.count != nullptr) {
    const Count old_side = kind.count(input.old_side);
    const Count new_side = kind.count(input.new_side);
    return {old_side.events, old_side.total, new_side.events, new_side.total};
  }
  if (limit_us == 0) return {};
  const Histogram& old_side = input.old_side.*kind.histogram;
  const Histogram& new_side = input.new_side.*kind.histogram;
  return {slow_in(old_side, limit_us), old_side.count(), slow_in(new_side, limit_us),
          new_side.count()};
}

// An edge between two buckets, so that "slower" is exact; 0: the old side has had too little.
std::int64_t limit_of(const MeasureKind& kind, const JudgeInput& input) {
  const Histogram& histogram = input.old_side.*kind.histogram;
  if (histogram.count() < std::max<std::uint64_t>(input.policy.requests_min, 1)) return 0;
  const auto usual = static_cast<double>(histogram.percentile(kind.quantile));
  const double slow = std::max(usual * input.policy.latency_factor,
                               usual + static_cast<double>(input.policy.latency_slack.count()));
  constexpr auto k_longest = static_cast<double>(Histogram::upper_edge(Histogram::k_buckets - 1));
  const auto micros = static_cast<std::uint64_t>(std::clamp(slow, 1.0, k_longest));
  return static_cast<std::int64_t>(Histogram::upper_edge(Histogram::bucket_of(micros)));
}

// Counters only rise: less than before is another window.
bool is_since(const Tally& later, const Tally& earlier) {
  return later.old_events >= earlier.old_events && later.old_total >= earlier.old_total &&
         later.new_events >= earlier.new_events && later.new_total >= earlier.new_total;
}

Tally since(const Tally& later, const Tally& earlier) {
  return {later.old_events - earlier.old_events, later.old_total - earlier.old_total,
          later.new_events - earlier.new_events, later.new_total - earlier.new_total};
}

// ln of how likely this stretch is with `ratio` times the old side's rate on the new side, to how
// likely it is with equal rates.  A side without requests says nothing.
double log_ratio_of(const Tally& stretch, double ratio) {
  if (stretch.new_total == 0 || stretch.old_total == 0) return 0;
  const auto new_total = static_cast<double>(stretch.new_total);
  const auto old_total = static_cast<double>(stretch.old_total);
  // p1/p0 = ratio × less, (1-p1)/(1-p0) = less.
  const double less = std::log((new_total + old_total) / (ratio * new_total + old_total));
  return static_cast<double>(stretch.new_events) * (std::log(ratio) + less) +
         static_cast<double>(stretch.old_events) * less;
}

// Of so many events, each way to share them out between the sides, by its ln of how likely it is if
// the sides are equal (hypergeometric, up to a constant); begins at `least` on the new side.
struct Ways {
  std::uint64_t least = 0;
  std::vector<double> logs;
};

Ways ways_of(const Tally& stretch) {
  const std::uint64_t events = stretch.new_events + stretch.old_events;
  Ways ways{.least = events > stretch.old_total ? events - stretch.old_total : 0, .logs = {0}};
  for (std::uint64_t on_new = ways.least; on_new < std::min(stretch.new_total, events); ++on_new) {
    const auto rises = static_cast<double>((stretch.new_total - on_new) * (events - on_new));
    const auto falls =
        static_cast<double>((on_new + 1) * (stretch.old_total + on_new + 1 - events));
    ways.logs.push_back(ways.logs.back() + std::log(rises / falls));
  }
  return ways;
}

// ln of the mean of ways with the odds of the new side so many times larger, against equal ones.
double log_mean(const Ways& ways, double log_ratio) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t index = 0; index < ways.logs.size(); ++index) {
    most = std::max(most, ways.logs[index] + static_cast<double>(index) * log_ratio);
  }
  double sum = 0;
  for (std::size_t index = 0; index < ways.logs.size(); ++index) {
    sum += std::exp(ways.logs[index] + static_cast<double>(index) * log_ratio - most);
  }
  return most + std::log(sum);
}

// ln of the mean over k_gross_ratios of how likely this is with such odds, to equal sides.
double gross_log_ratio_of(const Tally& stretch) {
  const Ways ways = ways_of(stretch);
  const double equal = log_mean(ways, 0);
  const auto seen = static_cast<double>(stretch.new_events - ways.least);
  double sum = 0;
  for (const double ratio : k_gross_ratios) {
    const double log_ratio = std::log(ratio);
    sum += std::exp(seen * log_ratio - log_mean(ways, log_ratio) + equal);
  }
  return std::log(sum / static_cast<double>(k_gross_ratios.size()));
}

bool is_whole(const Tally& stretch) {
  return stretch.old_total >= k_stretch_requests && stretch.new_total >= k_stretch_requests;
}

// How much a stretch can tell, up to a factor: the inverse variance of a difference of rates.
double weight_of(const Tally& stretch) {
  const auto old_total = static_cast<double>(stretch.old_total);
  const auto new_total = static_cast<double>(stretch.new_total);
  return old_total + new_total == 0 ? 0 : old_total * new_total / (old_total + new_total);
}

const Measure* find_before(const JudgeInput& input, std::string_view name) {
  if (!input.before) return nullptr;
  for (const Measure& measure : input.before->measures) {
    if (measure.name == name) return &measure;
  }
  return nullptr;
}

// The limit of a latency and where counting goes on from: events before the limit was fixed helped
// to fix it and prove nothing.
void go_on(const MeasureKind& kind, const JudgeInput& input, Measure& measure) {
  const Measure* before = find_before(input, kind.name);
  const bool same_step = before != nullptr && input.before->step == input.step;
  bool fixed_now = false;
  if (kind.histogram != nullptr) {
    measure.limit_us = before != nullptr ? before->limit_us : 0;
    if (measure.limit_us == 0) {
      measure.limit_us = limit_of(kind, input);
      fixed_now = true;
    }
  }
  const Tally now = tally_of(kind, input, measure.limit_us);
  if (fixed_now) {
    measure.settled = measure.mark = now;
  } else if (same_step) {
    const Tally seen{before->old_events, before->old_total, before->new_events, before->new_total};
    const bool goes_on = is_since(now, seen);
    measure.settled = goes_on ? before->settled : Tally();
    measure.mark = goes_on ? before->mark : Tally();
    measure.settled_ratio = goes_on ? before->settled_ratio : before->log_ratio;
    if (before->verdict == Verdict::bad) measure.verdict = Verdict::bad;
  }
  measure.old_events = now.old_events;
  measure.old_total = now.old_total;
  measure.new_events = now.new_events;
  measure.new_total = now.new_total;
}

// settled ─ first ─ mark ─ second ─ now.  The first stretch is settled when the second is whole
// too; until then both count as one.
void weigh(const JudgeInput& input, Measure& measure) {
  const double ratio = input.policy.error_ratio;
  const Tally now{measure.old_events, measure.old_total, measure.new_events, measure.new_total};
  const Tally first = since(measure.mark, measure.settled);
  const Tally second = since(now, measure.mark);
  const Tally both = since(now, measure.settled);
  if (!is_whole(first)) {
    if (is_whole(both)) measure.mark = now;
  } else if (is_whole(second) &&
             weight_of(first) + weight_of(second) >= k_stretch_loss * weight_of(both)) {
    measure.settled_ratio += log_ratio_of(first, ratio);
    measure.settled = measure.mark;
    measure.mark = now;
  }
  measure.log_ratio = measure.settled_ratio + log_ratio_of(since(now, measure.settled), ratio);
}

// Errors that need no sample to be believed.
bool is_gross(const JudgeInput& input, const MeasureKind& kind, const Measure& measure) {
  if (kind.count != errors_of || measure.new_events < k_gross_errors_min) return false;
  if (measure.new_total > k_gross_requests_max) return false;
  if (measure.settled != Tally() || measure.settled_ratio != 0) return false;
  const Tally whole{measure.old_events, measure.old_total, measure.new_events, measure.new_total};
  return gross_log_ratio_of(whole) >= bad_at(input.policy, input.steps);
}

Verdict verdict_of(const JudgeInput& input, const MeasureKind& kind, const Measure& measure) {
  if (measure.verdict == Verdict::bad || is_gross(input, kind, measure)) return Verdict::bad;
  if (!has_sample(input.policy, input.new_side)) return Verdict::undecided;
  if (measure.log_ratio >= bad_at(input.policy, input.steps)) return Verdict::bad;
  if (measure.log_ratio <= std::log(input.policy.miss)) return Verdict::good;
  const bool counts = measure.old_total > 0 || measure.new_total > 0;
  const bool none = counts && measure.old_events == 0 && measure.new_events == 0;
  return none ? Verdict::good : Verdict::undecided;
}

Measure measure_of(const MeasureKind& kind, const JudgeInput& input) {
  Measure measure;
  measure.name = kind.name;
  measure.what = kind.what;
  go_on(kind, input, measure);
  if (kind.histogram != nullptr) {
    measure.what += measure.limit_us == 0
                        ? fmt::format(" {} × the old side's", input.policy.latency_factor)
                        : " " + duration_text(Duration(measure.limit_us));
  }
  weigh(input, measure);
  measure.verdict = verdict_of(input, kind, measure);
  return measure;
}

Verdict verdict_of(const std::vector<Measure>& measures) {
  const auto all = [&](Verdict verdict) {
    return std::all_of(measures.begin(), measures.end(),
                       [&](const Measure& measure) { return measure.verdict == verdict; });
  };
  const bool bad = std::any_of(measures.begin(), measures.end(), [](const Measure& measure) {
    return measure.verdict == Verdict::bad;
  });
  if (bad) return Verdict::bad;
  return all(Verdict::good) ? Verdict::good : Verdict::undecided;
}

std::string side_text(std::uint64_t events, std::uint64_t total) {
  const double percent =
      total == 0 ? 0 : 100 * static_cast<double>(events) / static_cast<double>(total);
  return fmt::format("{} of {} ({:.1f} %)", grouped(events), grouped(total), percent);
}

std::string place_text(model::RevisionNumber revision, std::string_view otherwise) {
  return revision == 0 ? std::string(otherwise) : fmt::format("revision {}", revision);
}

// The bad measures; else those that people ask for first.
bool is_told(const Measure& measure, Verdict verdict) {
  if (verdict == Verdict::bad) return measure.verdict == Verdict::bad;
  return measure.name == "errors" || measure.name == "latency p50" || measure.name == "latency p99";
}

std::string text_of(const JudgeInput& input, const Evidence& evidence) {
  const std::string new_place = place_text(input.new_revision, "the new side");
  const std::string old_place = place_text(input.old_revision, "the old side");
  std::string text;
  for (const Measure& measure : evidence.measures) {
    if (!is_told(measure, evidence.verdict)) continue;
    if (measure.old_total == 0 && measure.new_total == 0) continue;
    const std::string what =
        measure.limit_us == 0 ? measure.name : fmt::format("{}: {}", measure.name, measure.what);
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {} on {} against {} on {}", what,
                        side_text(measure.new_events, measure.new_total), new_place,
                        side_text(measure.old_events, measure.old_total), old_place);
  }
  return text.empty() ? "no requests yet" : text;
}

}  // namespace

bool has_sample(const model::Judgement& policy, const model::Outcomes& new_side) {
  return new_side.requests >= policy.requests_min;
}

double bad_at(const model::Judgement& policy, int steps) {
  return std::log(static_cast<double>(k_alarm_parts) * std::max(steps, 1) / policy.false_alarm);
}

double expected_sample(const model::Judgement& policy, double rate, double share, int steps) {
  const double ratio = policy.error_ratio;
  const double worse = ratio * share + 1 - share;  // events, to those with equal sides
  const double part = ratio * share / worse;       // of them on the new side
  const double drift = part * std::log(ratio / worse) + (1 - part) * std::log(1 / worse);
  const double needed =
      (1 - policy.miss) * bad_at(policy, steps) + policy.miss * std::log(policy.miss);
  const double events = needed / drift;
  return events / (rate * worse) * share;
}

Evidence judge(const JudgeInput& input) {
  Evidence evidence;
  evidence.step = input.step;
  for (const MeasureKind& kind : k_kinds) evidence.measures.push_back(measure_of(kind, input));
  evidence.verdict = verdict_of(evidence.measures);
  evidence.text = text_of(input, evidence);
  return evidence;
}

}  // namespace hitless::rollout
