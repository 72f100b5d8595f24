// Simulated canaries, for tests of the judgement.  Every program run prints its seed;
// HITLESS_SEED=n runs another, or that one again.  For tests alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string_view>

#include "base/check.h"
#include "rollout/judge.h"
#include "rollout/sim/effort.h"

namespace hitless::rollout {

inline std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("HITLESS_SEED");
    const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : 20240607;
    std::cout << "HITLESS_SEED=" << value << "\n";
    return value;
  }();
  return chosen;
}

using Random = std::mt19937_64;

inline constexpr int k_canaries = k_sanitized ? 200 : 1000;

// What one side answers.
struct Model {
  double errors = 0;
  double median_ms = 0;  // of a log-normal latency; 0: not counted
  double spread = 0.6;
  double stalls = 0;  // so many answers take a hundred times as long
};

inline void add_requests(model::Outcomes& side, const Model& model, std::uint64_t requests,
                         Random& random) {
  const std::uint64_t errors =
      std::binomial_distribution<std::uint64_t>(requests, model.errors)(random);
  side.requests += requests;
  side.by_class[5] += errors;
  side.by_class[2] += requests - errors;
  if (model.median_ms == 0) return;
  std::lognormal_distribution<double> latency(std::log(model.median_ms * 1000), model.spread);
  std::bernoulli_distribution stalls(model.stalls);
  for (std::uint64_t request = 0; request < requests; ++request) {
    const double micros = latency(random) * (model.stalls > 0 && stalls(random) ? 100 : 1);
    side.latency.record(static_cast<std::uint64_t>(micros));
    side.first_byte.record(static_cast<std::uint64_t>(micros / 2));
  }
}

// One window that is looked at again and again.
class Canary {
 public:
  Canary(const model::Judgement& policy, Random& random) : policy_(policy), random_(random) {}

  model::Verdict run(const Model& old_model, const Model& new_model, double share,
                     std::uint64_t requests) {
    const std::uint64_t mine = std::binomial_distribution<std::uint64_t>(requests, share)(random_);
    add_requests(new_side_, new_model, mine, random_);
    add_requests(old_side_, old_model, requests - mine, random_);
    const model::Called called = share <= 0   ? model::Called::old_side
                                 : share >= 1 ? model::Called::new_side
                                              : model::Called::both;
    return look(called);
  }

  model::Verdict look(model::Called called = model::Called::both) {
    evidence_ = judge({.policy = policy_,
                       .old_side = old_side_,
                       .new_side = new_side_,
                       .before = evidence_,
                       .called = called,
                       .old_revision = 2,
                       .new_revision = 3});
    return evidence_->verdict;
  }

  const model::Outcomes& new_side() const { return new_side_; }
  const model::Evidence& evidence() const { return *evidence_; }

 private:
  const model::Judgement& policy_;
  Random& random_;
  model::Outcomes old_side_, new_side_;
  std::optional<model::Evidence> evidence_;
};

inline const model::Measure& measure(const model::Evidence& evidence, std::string_view name) {
  const auto found = std::find_if(evidence.measures.begin(), evidence.measures.end(),
                                  [&](const model::Measure& each) { return each.name == name; });
  HL_CHECK(found != evidence.measures.end());
  return *found;
}

// What of `runs` with such a probability is exceeded in a hundredth of the cases (binomial).
inline int allowed(double probability, int runs) {
  double log_each = runs * std::log1p(-probability);
  double below = 0;
  for (int count = 0; count < runs; ++count) {
    below += std::exp(log_each);
    if (below >= 0.99) return count;
    log_each += std::log(static_cast<double>(runs - count) / (count + 1)) +
                std::log(probability / (1 - probability));
  }
  return runs;
}

}  // namespace hitless::rollout
