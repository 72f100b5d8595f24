#include "rollout/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/duration_text.h"

namespace hitless::rollout {
namespace {

using model::Called;
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

// A measure counts by a function of its own, or what is slower than a limit in a histogram: beyond
// a quantile of the old side's, with a slack.
struct MeasureKind {
  std::string_view name;
  std::string_view what;  // of latencies the limit follows
  Count (*count)(const Outcomes&) = nullptr;
  Histogram Outcomes::*histogram = nullptr;
  double quantile = 0;
  Duration model::Judgement::*slack = nullptr;
};

constexpr std::array<MeasureKind, k_measures> k_kinds{{
    {"errors", "answers of class 5xx and cut ones", errors_of},
    {"client errors", "answers of class 4xx", client_errors_of},
    {"latency p50", "answers slower than", nullptr, &Outcomes::latency, 0.5,
     &model::Judgement::latency_slack},
    {"latency p99", "answers slower than", nullptr, &Outcomes::latency, 0.99,
     &model::Judgement::tail_slack},
    {"first byte p50", "first bytes later than", nullptr, &Outcomes::first_byte, 0.5,
     &model::Judgement::latency_slack},
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
  const Duration slack = input.policy.*kind.slack;
  const double slow =
      std::max(usual * input.policy.latency_factor, usual + static_cast<double>(slack.count()));
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

bool is_whole(const Tally& stretch) {
  return stretch.old_total >= k_stretch_requests && stretch.new_total >= k_stretch_requests;
}

const Measure* find_before(const JudgeInput& input, std::string_view name) {
  if (!input.before) return nullptr;
  for (const Measure& measure : input.before->measures) {
    if (measure.name == name) return &measure;
  }
  return nullptr;
}

// What the counters have risen by since the look before; a window that began anew has all of it
// before it.
Tally risen(const Measure& measure, const Tally& now) {
  return is_since(now, measure.seen) ? since(now, measure.seen) : now;
}

void add(Tally& to, std::uint64_t Tally::*events, std::uint64_t Tally::*total, const Tally& more) {
  to.*events += more.*events;
  to.*total += more.*total;
}

// What both did while both were called is compared.  What came while that changed is of no window:
// of it only the old side's part is kept, as its past.
void count(const JudgeInput& input, const Tally& more, Measure& measure) {
  if (!input.is_steady || input.called == Called::old_side) {
    return add(measure.apart, &Tally::old_events, &Tally::old_total, more);
  }
  if (input.called == Called::new_side) {
    return add(measure.apart, &Tally::new_events, &Tally::new_total, more);
  }
  measure.old_events += more.old_events;
  measure.old_total += more.old_total;
  measure.new_events += more.new_events;
  measure.new_total += more.new_total;
}

// Of the step before a measure keeps its limit, and what the old side did as its past.
Measure begin_step(const Measure& before) {
  Measure measure;
  measure.limit_us = before.limit_us;
  measure.apart.old_events = before.apart.old_events + before.old_events;
  measure.apart.old_total = before.apart.old_total + before.old_total;
  measure.steps_total = before.steps_total + before.new_total + before.apart.new_total;
  return measure;
}

// Goes on from the look before with what came since.  Events before the limit of a latency was
// fixed helped to fix it and prove nothing.
Measure go_on(const MeasureKind& kind, const JudgeInput& input) {
  const Measure* before = find_before(input, kind.name);
  const bool same_step = before != nullptr && input.before->step == input.step;
  Measure measure = same_step ? *before : before != nullptr ? begin_step(*before) : Measure();
  measure.verdict = measure.verdict == Verdict::bad ? Verdict::bad : Verdict::undecided;
  if (kind.histogram != nullptr && measure.limit_us == 0) {
    measure.limit_us = limit_of(kind, input);
    measure.seen = tally_of(kind, input, measure.limit_us);
    return measure;
  }
  const Tally now = tally_of(kind, input, measure.limit_us);
  count(input, risen(measure, now), measure);
  measure.seen = now;
  return measure;
}

// settled ─ first ─ mark ─ second ─ now.  The first stretch is settled when the second is whole
// too; until then both count as one.
void weigh(const JudgeInput& input, Measure& measure) {
  const double ratio = input.policy.error_ratio;
  const Tally now{measure.old_events, measure.old_total, measure.new_events, measure.new_total};
  if (!is_whole(since(measure.mark, measure.settled))) {
    if (is_whole(since(now, measure.settled))) measure.mark = now;
  } else if (is_whole(since(now, measure.mark))) {
    measure.settled_ratio += log_ratio_of(since(measure.mark, measure.settled), ratio);
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
  return gross_log_ratio_of(whole) >= bad_gross_at(input.policy, input.steps);
}

// Sets the bar with the first requests that the new side has alone, and where it may have become
// worse since.
void weigh_alone(const MeasureKind& kind, Measure& measure) {
  const Tally& apart = measure.apart;
  if (kind.histogram != nullptr || apart.new_total == 0) return;
  if (measure.bar == 0) {
    measure.bar =
        alone_bar(apart.old_events + measure.old_events, apart.old_total + measure.old_total);
  }
  if (measure.onsets.log_sums.size() != k_far_ratios.size()) {
    measure.onsets = {};
    add_onset(measure.onsets, 0, 0, measure.bar);
  }
  if (apart.new_total - measure.onsets.last < k_stretch_requests) return;
  add_onset(measure.onsets, apart.new_events, apart.new_total, measure.bar);
}

bool is_bad_alone(const JudgeInput& input, const MeasureKind& kind, const Measure& measure) {
  const Tally& apart = measure.apart;
  if (measure.bar == 0 || kind.histogram != nullptr) return false;
  const std::uint64_t least = kind.count == errors_of ? 0 : input.policy.requests_min;
  if (apart.new_events < k_gross_errors_min || apart.new_total < least) return false;
  return alone_log_ratio_of(measure.onsets, apart.new_events, apart.new_total, measure.bar) >=
         bad_alone_at(input.policy, input.steps);
}

// Of a latency the new side's own quantile is beyond the limit, not a burst of its answers alone.
bool is_typical(const MeasureKind& kind, const Measure& measure) {
  return static_cast<double>(measure.new_events) >=
         (1 - kind.quantile) * static_cast<double>(measure.new_total);
}

// What never happened on either side leaves nothing to compare; more than one in k_rare would have
// shown by now.
bool is_unheard_of(const JudgeInput& input, const Measure& measure) {
  return measure.old_events == 0 && measure.new_events == 0 &&
         static_cast<double>(measure.new_total) * std::log1p(-k_rare) <=
             std::log(input.policy.miss);
}

// Beside the old side.  Of a latency it is enough that the new side's own quantile is shown to be
// within the limit, whatever the old side does.  Each way may be wrong in half of the misses.
bool is_good_beside(const JudgeInput& input, const MeasureKind& kind, const Measure& measure) {
  if (measure.new_total < input.policy.requests_min) return false;
  const double miss = input.policy.miss;
  if (kind.histogram == nullptr)
    return measure.log_ratio <= std::log(miss) || is_unheard_of(input, measure);
  const double beyond =
      share_log_ratio_of(measure.new_events, measure.new_total, 1 - kind.quantile);
  return std::min(measure.log_ratio, beyond) <= std::log(miss / 2);
}

bool is_good_alone(const JudgeInput& input, const Measure& measure) {
  const Tally& apart = measure.apart;
  return measure.bar > 0 && apart.new_total >= input.policy.requests_min &&
         share_log_ratio_of(apart.new_events, apart.new_total, measure.bar) <=
             std::log(input.policy.miss);
}

Verdict verdict_of(const JudgeInput& input, const MeasureKind& kind, Measure& measure) {
  if (measure.verdict == Verdict::bad || is_gross(input, kind, measure)) return Verdict::bad;
  if (is_bad_alone(input, kind, measure)) return Verdict::bad;
  const bool worse = measure.new_total >= input.policy.requests_min &&
                     measure.log_ratio >= bad_at(input.policy, input.steps);
  if (worse && (kind.histogram == nullptr || is_typical(kind, measure))) return Verdict::bad;
  const bool good = is_good_beside(input, kind, measure) || is_good_alone(input, measure);
  return good ? Verdict::good : Verdict::undecided;
}

Measure measure_of(const MeasureKind& kind, const JudgeInput& input) {
  Measure measure = go_on(kind, input);
  measure.name = kind.name;
  measure.what = kind.what;
  if (kind.histogram != nullptr) {
    measure.what += measure.limit_us == 0
                        ? fmt::format(" {} × the old side's", input.policy.latency_factor)
                        : " " + duration_text(Duration(measure.limit_us));
  }
  weigh(input, measure);
  weigh_alone(kind, measure);
  measure.verdict = verdict_of(input, kind, measure);
  return measure;
}

// Of a side that is called alone, and was all the time, latencies are not told.  `measures` are as
// k_kinds.
Verdict verdict_of(const std::vector<Measure>& measures, Called called) {
  bool good = true;
  for (std::size_t index = 0; index < measures.size(); ++index) {
    const Verdict verdict = measures[index].verdict;
    if (verdict == Verdict::bad) return Verdict::bad;
    const bool is_told = called != Called::new_side || k_kinds[index].histogram == nullptr ||
                         measures[index].new_total > 0;
    good = good && (verdict == Verdict::good || !is_told);
  }
  return good ? Verdict::good : Verdict::undecided;
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

class Sentence {
 public:
  explicit Sentence(const JudgeInput& input)
      : input_(input),
        new_place_(place_text(input.new_revision, "the new side")),
        old_place_(place_text(input.old_revision, "the old side")) {}

  void tell(const Measure& measure) {
    const std::string what =
        measure.limit_us == 0 ? measure.name : fmt::format("{}: {}", measure.name, measure.what);
    if (measure.old_total > 0 || measure.new_total > 0) {
      add("{}: {} on {} against {} on {}", what, side_text(measure.new_events, measure.new_total),
          new_place_, side_text(measure.old_events, measure.old_total), old_place_);
    }
    if (measure.bar > 0) tell_alone(measure);
  }

  std::string take() { return text_.empty() ? "no requests yet" : std::move(text_); }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    if (!text_.empty()) text_ += "; ";
    text_ += fmt::format(format, std::forward<Args>(args)...);
  }

  void tell_alone(const Measure& measure) {
    const Tally& apart = measure.apart;
    const model::Onsets& onsets = measure.onsets;
    std::string lately;
    const bool is_late = onsets.likely_total > 0 && onsets.likely_total < apart.new_total;
    if (measure.verdict == Verdict::bad && is_late) {
      lately = ", the last " + side_text(apart.new_events - onsets.likely_events,
                                         apart.new_total - onsets.likely_total);
    }
    add("{}: {} on {} since it is called alone{}, where up to {:.1f} % may be the world's doing "
        "({} on {} before)",
        measure.name, side_text(apart.new_events, apart.new_total), new_place_, lately,
        100 * measure.bar,
        side_text(apart.old_events + measure.old_events, apart.old_total + measure.old_total),
        old_place_);
    if (measure.verdict != Verdict::bad) return;
    text_ += fmt::format("; by chance that is exceeded in {:g} % of rollouts at the most",
                         100 * input_.policy.false_alarm);
  }

  const JudgeInput& input_;
  std::string new_place_;
  std::string old_place_;
  std::string text_;
};

std::string text_of(const JudgeInput& input, const Evidence& evidence) {
  Sentence sentence(input);
  for (const Measure& measure : evidence.measures) {
    if (is_told(measure, evidence.verdict)) sentence.tell(measure);
  }
  return sentence.take();
}

}  // namespace

bool is_of_errors(const Measure& measure) {
  return measure.name == k_kinds.front().name;
}

bool has_sample(const model::Judgement& policy, const model::Outcomes& new_side) {
  return new_side.requests >= policy.requests_min;
}

double bad_at(const model::Judgement& policy, int steps) {
  return std::log(k_alarm_parts * std::max(steps, 1) / policy.false_alarm);
}

double bad_gross_at(const model::Judgement& policy, int steps) {
  return bad_at(policy, steps) - std::log(k_gross_parts);
}

double bad_alone_at(const model::Judgement& policy, int steps) {
  return bad_at(policy, steps) + std::log(k_measures_alone / k_alone_parts);
}

double alone_bar(std::uint64_t past_events, std::uint64_t past_total) {
  const double rate =
      static_cast<double>(past_events + 1) / (static_cast<double>(past_total) + k_alone_prior + 1);
  const double odds = k_alone_odds * rate / (1 - rate);
  return std::max(k_alone_rate, odds / (1 + odds));
}

Passage expected_sample(const model::Judgement& policy, double rate, double share, int steps) {
  const double ratio = policy.error_ratio;
  const double worse = ratio * share + 1 - share;  // events, to those with equal sides
  const double part = ratio * share / worse;       // of them on the new side
  const double on_new = std::log(ratio / worse);
  const double on_old = std::log(1 / worse);
  const double drift = part * on_new + (1 - part) * on_old;
  const double square = part * on_new * on_new + (1 - part) * on_old * on_old;
  // The last event goes beyond what is needed, by half of what one adds.
  const double needed = bad_at(policy, steps) + on_new / 2;
  const double events = rate * worse / share;  // for each request of the new side
  Passage passage = passage_of(needed, events * drift, events * square, policy.miss);
  passage.average = std::max(passage.average, static_cast<double>(policy.requests_min));
  passage.within = std::max(passage.within, static_cast<double>(policy.requests_min));
  return passage;
}

Passage expected_sample_alone(const model::Judgement& policy, double rate, double bar, int steps) {
  Passage best;
  for (const double ratio : k_far_ratios) {
    const double less = -std::log(1 + (ratio - 1) * bar);
    const double step = std::log(ratio);
    const double drift = rate * step + less;
    if (drift <= 0) continue;
    const double needed =
        bad_alone_at(policy, steps) + first_onset_cost() + std::log(k_far_ratios.size()) + step / 2;
    const Passage passage = passage_of(needed, drift, rate * (1 - rate) * step * step, policy.miss);
    if (best.average == 0 || passage.within < best.within) best = passage;
  }
  return best;
}

Evidence judge(const JudgeInput& input) {
  Evidence evidence;
  evidence.step = input.step;
  evidence.called = input.called;
  for (const MeasureKind& kind : k_kinds) evidence.measures.push_back(measure_of(kind, input));
  evidence.verdict = verdict_of(evidence.measures, input.called);
  evidence.text = text_of(input, evidence);
  return evidence;
}

}  // namespace hitless::rollout
