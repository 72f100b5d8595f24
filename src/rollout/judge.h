// Whether the new side is worse than the old one, from what both did in the same window.
//
// Each measure counts events on both sides: errors, answers slower than a limit that the old side
// sets, cut answers.  Of all events the new side's part is binomial with the part of the requests
// it had, if the sides are equal, and larger if it is worse.  A sequential probability ratio test
// (Wald 1945) between "equal" and "worse by the policy's ratio" may be looked at after each request
// without losing its error probabilities; they are shared out over measures and steps.
//
// Shares move while instances are exchanged, and rates move with the hour.  So the window is cut
// into stretches of a few requests on both sides, each with a part of its own, and the log ratios
// of the stretches are added up: what a stretch says does not depend on the others.  Stretches are
// joined where cutting would lose most of what can be known: one side before a switch of all
// traffic and the other after it.  Counts of requests decide on that, never counts of events. Given
// the events of a stretch, the new side's number is hypergeometric, which is narrower than the
// binomial: the test errs to the safe side.
//
// "bad" at ln(1 / false alarm): a likelihood ratio of equal sides ever gets so far with no larger
// probability, however often it is looked at (Ville).  "good" at ln(miss), in the same way.
//
// Nothing is said before the new side had its smallest sample, but for errors: a version that fails
// half of its calls must not be promoted because few came.  So as long as no stretch is settled
// they are held against far worse odds too (k_gross_ratios), with a share of the false alarms of
// its own: few need the exact test, in which the new side's number is hypergeometric; the mean of
// the likelihood ratios is one again.
//
// Pure.  Internal to the room but for its tests.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "model/evidence.h"
#include "model/plan.h"
#include "model/usage.h"

namespace hitless::rollout {

// What is compared; each gets its part of the false alarms.
inline constexpr std::size_t k_measures = 6;

// Parts that the false alarms are shared out in: the measures, and errors by far.
inline constexpr std::size_t k_alarm_parts = k_measures + 1;

// How many times the old side's rate of errors is looked for before the smallest sample is there:
// a version whose every tenth, third, or every answer is an error beside one that has few.
inline constexpr std::array<double, 3> k_gross_ratios = {4, 16, 64};

// With more, the other tests know as much, and this one's arithmetic grows with them.
inline constexpr std::uint64_t k_gross_requests_max = 500;

// And so many wrong answers at the least: fewer are an accident, however rare they were before.
inline constexpr std::uint64_t k_gross_errors_min = 5;

// Requests on each side that make a stretch whole.  With fewer, the part of the requests that the
// new side had is too coarse and information is lost; with many, a drift of rates and shares
// inside a stretch passes for a difference.
inline constexpr std::uint64_t k_stretch_requests = 30;

// Two stretches stay joined when apart they would tell less than this part of what they tell
// together.  With the same shares in both nothing is lost; a switch of all traffic loses nearly
// all.
inline constexpr double k_stretch_loss = 0.5;

// Steps share out the policy's false alarms.  `before` is the evidence of the look before, whose
// limits for latencies stay once they are fixed.  Sides that have fewer requests than it says are
// of a window that began anew; what it found stays.
struct JudgeInput {
  const model::Judgement& policy;
  const model::Outcomes& old_side;
  const model::Outcomes& new_side;
  int step = 0;
  int steps = 1;
  const std::optional<model::Evidence>& before;
  model::RevisionNumber old_revision = 0;  // for the sentence; 0: "the old side"
  model::RevisionNumber new_revision = 0;
};

model::Evidence judge(const JudgeInput& input);

// Whether the new side had what `policy` asks for before a bake's end may be taken as a yes.
bool has_sample(const model::Judgement& policy, const model::Outcomes& new_side);

// What a measure's log ratio must reach for "bad".
double bad_at(const model::Judgement& policy, int steps);

// Requests of the new side until a rate of events that is error_ratio times the old side's is
// noticed, on the average (Wald's equation): log ratio needed / its drift per request.  `share` is
// the new side's part of the requests, `rate` the old side's part of them that are events.
inline constexpr double k_sample_multiple = 3;  // within so much of it, all but `miss` are noticed
double expected_sample(const model::Judgement& policy, double rate, double share, int steps);

}  // namespace hitless::rollout
