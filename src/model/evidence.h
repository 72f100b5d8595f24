// What a judgement of the new side against the old one rests on.  Values; kept in the
// rollout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace hitless::model {

enum class Verdict {
  undecided,  // too few requests, or not far enough from either answer
  good,       // a side as bad as the policy names would have shown by now
  bad,
};

// How often something happened, of how many, on both sides of one window.
struct Tally {
  std::uint64_t old_events = 0, old_total = 0;
  std::uint64_t new_events = 0, new_total = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};

// Where what goes wrong may have begun, so that what was right before does not hide it: for each
// rate that is looked for, ln of the sum of the weights of these points, each divided by how likely
// what came before it was (rollout/likelihood.h).
struct Onsets {
  std::uint64_t count = 0;
  std::uint64_t last = 0;                             // the requests there were at the last one
  std::uint64_t likely_events = 0, likely_total = 0;  // … and events, at the likeliest
  std::vector<double> log_sums;
  friend bool operator==(const Onsets&, const Onsets&) = default;
};

// Who was called when it was looked at last.  What came since counts only if it is the same now:
// what both sides did is compared where both were called, and nowhere else.
enum class Called { old_side, both, new_side };

// One thing that is compared.
struct Measure {
  std::string name;  // "errors", "latency p50", "latency p99", "first byte p50", "cut answers", …
  std::string what;  // "answers slower than 12.3 ms"
  std::uint64_t old_events = 0, old_total = 0;  // while both sides were called, …
  std::uint64_t new_events = 0, new_total = 0;
  Tally apart;  // … what the old side did before that, and the new one after a switch
  std::uint64_t steps_total = 0;  // requests of the new side in the steps before this one
  double bar = 0;                 // the rate that the new side may have there; 0: it has not begun
  Onsets onsets;                  // of what it did there
  std::int64_t limit_us = 0;      // of latencies: what counts as slow; 0: not fixed yet
  double log_ratio = 0;           // of the likelihoods "worse by the policy's ratio" to "equal"
  Verdict verdict = Verdict::undecided;
  // What the next look goes on from (rollout/judge.h): the counters as they stood, the end of the
  // stretches whose log ratio is in settled_ratio, and of the one after them.
  Tally seen, settled, mark;
  double settled_ratio = 0;
  friend bool operator==(const Measure&, const Measure&) = default;
};

struct Evidence {
  Verdict verdict = Verdict::undecided;  // bad if one measure is; good if all are
  std::string text;                      // a sentence with the numbers
  int step = 0;                          // of the plan, whose window this is
  Called called = Called::old_side;
  std::vector<Measure> measures;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

std::string_view to_text(Verdict verdict);
json::value to_json(const Evidence& evidence);
Result<Evidence> evidence_from_json(const json::value& value);

}  // namespace hitless::model
