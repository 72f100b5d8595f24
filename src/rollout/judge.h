// Whether the new side is worse than the old one, from what both did in the same window.
//
// Each measure counts events on both sides: errors, answers slower than a limit that the old side
// sets, cut answers.  Only what came while both sides were called is compared.  Of all events the
// new side's part is binomial with the part of the requests it had, if the sides are equal, and
// larger if it is worse.  A sequential probability ratio test (Wald 1945) between "equal" and
// "worse by the policy's ratio" may be looked at after each request without losing its error
// probabilities; they are shared out over measures and steps.
//
// Shares move while instances are exchanged, and rates move with the hour.  So the window is cut
// into stretches of a few requests on both sides, each with a part of its own, and the log ratios
// of the stretches are added up: what a stretch says does not depend on the others.  Counts of
// requests decide where to cut, never counts of events.
//
// "bad" at ln(1 / false alarm): a likelihood ratio of equal sides ever gets so far with no larger
// probability, however often it is looked at (Ville).  "good" at ln(miss), in the same way. Errors,
// client errors and cut answers that neither side has leave nothing to compare: they are good once
// a rate of k_rare would have shown, in all but `miss` of the cases.
//
// Nothing is said before the new side had its smallest sample, but for errors: a version that fails
// half of its calls must not be promoted because few came.  So as long as no stretch is settled
// they are held against far worse odds too (gross_log_ratio_of), with a share of the false alarms
// of its own: few need the exact test.
//
// Once all traffic is on the new side, nothing in the same window says whether what goes wrong is
// its doing or the world's.  Then only what is bad by far is told: events are held against a bar
// (alone_bar), at least a fifth of all answers and ten times the odds that the old side had before.
// As long as the world makes no more than that go wrong, an equal version is taken back with no
// larger probability than its part of the false alarms.  It may have become so at any time since,
// and what was right before must not hide it: the odds are weighed for each point where it may have
// begun (model::Onsets), one after every k_stretch_requests at the most.  It is good once it is
// shown, up to `miss`, that it stays below the bar.  Latencies are not told there: a stall of the
// machine makes all of them slow.
//
// A median counts as worse only if the new side's own is beyond the limit, and a 99th percentile
// likewise: a burst of slow answers is no slower version.  So a latency is good, too, as soon as
// the new side's own is shown to be within it, by a sequential test of the share of its answers
// beyond the limit: a half (a hundredth) of them, to half as many.  A few slow answers among
// thousands on both sides would keep the comparison of the sides undecided for ever.  Each of the
// two ways to "good" has half of `miss`.
//
// Pure.  Internal to the room but for its tests.
#pragma once

#include <cstddef>
#include <optional>

#include "model/evidence.h"
#include "model/plan.h"
#include "model/usage.h"
#include "rollout/likelihood.h"

namespace hitless::rollout {

// What is compared; each gets its part of the false alarms.
inline constexpr std::size_t k_measures = 6;

// Parts that the false alarms are shared out in: one for each measure; as many as k_gross_parts for
// errors by far, which must be told from few requests; and two for the new side alone, shared by
// the measures that are told of it.
inline constexpr double k_gross_parts = 4;
inline constexpr double k_alone_parts = 2;
inline constexpr double k_measures_alone = 3;
inline constexpr double k_alarm_parts = k_measures + k_gross_parts + k_alone_parts;

// With more, the other tests know as much, and this one's arithmetic grows with them.
inline constexpr std::uint64_t k_gross_requests_max = 500;

// And so many wrong answers at the least: fewer are an accident, however rare they were before.
inline constexpr std::uint64_t k_gross_errors_min = 5;

// Requests on each side that make a stretch whole.  With fewer, the part of the requests that the
// new side had is too coarse and information is lost; with many, a drift of rates and shares
// inside a stretch passes for a difference.
inline constexpr std::uint64_t k_stretch_requests = 30;

// A rate of events that a version is looked for that has some where the old one has none: that
// which plans state their sample for.
inline constexpr double k_rare = 0.01;

// Events that the world may bring the new side alone before it is blamed: this part of the answers
// at the least, and so many times the odds that the old side had, which is taken to have had one
// event in k_alone_prior requests more than it had, because few prove little.
inline constexpr double k_alone_rate = 0.2;
inline constexpr double k_alone_odds = 10;
inline constexpr double k_alone_prior = 20;
double alone_bar(std::uint64_t past_events, std::uint64_t past_total);

// Steps share out the policy's false alarms.  `before` is the evidence of the look before, whose
// limits for latencies stay once they are fixed.  Sides that have fewer requests than it has seen
// are of a window that began anew; what it found stays.
struct JudgeInput {
  const model::Judgement& policy;
  const model::Outcomes& old_side;
  const model::Outcomes& new_side;
  int step = 0;
  int steps = 1;
  const std::optional<model::Evidence>& before;
  model::Called called = model::Called::both;
  bool is_steady = true;                   // they were called all the time since `before`
  model::RevisionNumber old_revision = 0;  // for the sentence; 0: "the old side"
  model::RevisionNumber new_revision = 0;
};

model::Evidence judge(const JudgeInput& input);

// Whether the measure is that of errors.
bool is_of_errors(const model::Measure& measure);

// Whether the new side had what `policy` asks for before a bake's end may be taken as a yes.
bool has_sample(const model::Judgement& policy, const model::Outcomes& new_side);

// What a measure's log ratio must reach for "bad"; that of errors by far; and of a side alone.
double bad_at(const model::Judgement& policy, int steps);
double bad_gross_at(const model::Judgement& policy, int steps);
double bad_alone_at(const model::Judgement& policy, int steps);

// Requests of the new side until a rate of events that is error_ratio times the old side's is
// noticed: on the average, and in all but `miss` of the cases.  `share` is the new side's part of
// the requests, `rate` the old side's part of them that are events.
Passage expected_sample(const model::Judgement& policy, double rate, double share, int steps);

// Likewise of a new side alone of whose answers the part `rate` are events, beyond `bar`.
Passage expected_sample_alone(const model::Judgement& policy, double rate, double bar, int steps);

}  // namespace hitless::rollout
