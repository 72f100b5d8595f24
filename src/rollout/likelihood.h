// How much more likely counts of events are if one side is worse than if it is not, as natural
// logarithms; and how many requests such a test needs.  Internal to the room; pure.
//
// Each is a likelihood ratio, or a mean of such.  If the side is not worse it ever gets to x with a
// probability of at most exp(-x), however often it is looked at (Ville).
#pragma once

#include <array>
#include <cstdint>

#include "model/evidence.h"

namespace hitless::rollout {

// How many times larger the odds of an event are that "worse by far" is looked for: a version whose
// every tenth, third, or every answer is an error beside one that has few.
inline constexpr std::array<double, 3> k_far_ratios = {4, 16, 64};

// `ratio` times the old side's rate on the new side, to equal rates.  Given the events of both, the
// new side's number is hypergeometric, which is narrower than the binomial that this takes: it errs
// to the safe side.  A side without requests says nothing.
double log_ratio_of(const model::Tally& stretch, double ratio);

// Far larger odds on the new side, to equal ones; exact, and linear in the requests.
double gross_log_ratio_of(const model::Tally& whole);

// Far larger odds than `bar` has since one of the onsets, to a rate of at most `bar` all the time.
// The k-th onset weighs 1 / k(k+1): together they weigh no more than one, so that Ville holds, and
// the wait for a fault that begins late grows with no more than ln k².
double alone_log_ratio_of(const model::Onsets& onsets, std::uint64_t events, std::uint64_t total,
                          double bar);
// From here on it may have become worse.
void add_onset(model::Onsets& onsets, std::uint64_t events, std::uint64_t total, double bar);
// What the first of them adds to the way to "bad".
double first_onset_cost();

// Events being `share` of all requests or more, to half of `share`: low as soon as it is shown that
// they are fewer.  Where they are `share` or more it ever gets to -x with a probability of at most
// exp(-x).
double share_log_ratio_of(std::uint64_t events, std::uint64_t total, double share);

// How many requests until a sum of log ratios that grows by `drift` a request, with this variance,
// comes to `needed`: on the average (Wald's equation), and in all but `miss` of the cases (inverse
// Gaussian, the time at which a drifting random walk gets somewhere first).
struct Passage {
  double average = 0;
  double within = 0;
};
Passage passage_of(double needed, double drift, double variance, double miss);

}  // namespace hitless::rollout
