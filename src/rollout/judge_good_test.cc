// When a version is called good, held against simulated canaries.
#include <gtest/gtest.h>

#include "rollout/judge.h"
#include "rollout/test_canary.h"

namespace hitless::rollout {
namespace {

using model::Evidence;
using model::Judgement;
using model::Outcomes;
using model::Verdict;

// Answers of either 20 ms or 200 ms: so many are slow, exactly.
Outcomes answers(std::uint64_t requests, double slow, Random& random) {
  constexpr std::uint64_t k_usual_us = 20'000;
  constexpr std::uint64_t k_slow_us = 200'000;
  Outcomes made;
  made.requests = made.by_class[2] = requests;
  std::bernoulli_distribution is_slow(slow);
  for (std::uint64_t request = 0; request < requests; ++request) {
    const std::uint64_t micros = is_slow(random) ? k_slow_us : k_usual_us;
    made.latency.record(micros);
    made.first_byte.record(micros);
  }
  return made;
}

// Whether the measure is called good at any look, of sides of which so many answers are slow.
bool is_ever_good(std::string_view name, double old_slow, double new_slow, Random& random) {
  const Judgement policy;
  Outcomes old_side = answers(200, 0, random);  // the limit is of what the old side was
  Outcomes new_side;
  std::optional<Evidence> evidence;
  for (int look = 0; look < 200; ++look) {
    evidence =
        judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = evidence});
    if (evidence->verdict == Verdict::bad) return false;
    if (measure(*evidence, name).verdict == Verdict::good) return true;
    old_side += answers(10, old_slow, random);
    new_side += answers(10, new_slow, random);
  }
  return false;
}

// The new side's quantile is just at the limit, and it is twice as often slow as the old side or
// far more often.
TEST(JudgeGood, CallsALatencyGoodInNoMoreThanTheMissesWhereItsQuantileIsAtTheLimit) {
  struct Row {
    const char* measure;
    double share;
  };
  Random random(seed());
  for (const Row& row : {Row{"latency p50", 0.5}, {"first byte p50", 0.5}, {"latency p99", 0.01}}) {
    for (const double old_slow : {0.0, row.share / 2}) {
      int good = 0;
      for (int run = 0; run < k_canaries; ++run) {
        good += is_ever_good(row.measure, old_slow, row.share, random) ? 1 : 0;
      }
      EXPECT_LE(good, allowed(Judgement().miss, k_canaries))
          << row.measure << ", " << old_slow << " of the old side";
    }
  }
}

TEST(JudgeGood, FindsALatencyGoodFromTheNewSideAloneOrBesideAnOldSideThatIsAsSlow) {
  Random random(seed());
  EXPECT_TRUE(is_ever_good("latency p50", 0, 0.1, random)) << "well within the limit";
  EXPECT_TRUE(is_ever_good("latency p50", 0.6, 0.6, random)) << "a bad hour for both";
  EXPECT_TRUE(is_ever_good("latency p99", 0, 0.001, random));
}

// How many canaries with equal sides are called good within so many requests of the new side.
int called_good(const Model& model, double share, std::uint64_t most) {
  const Judgement policy;
  Random random(seed());
  int good = 0;
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy, random);
    canary.run(model, model, 0, 200);
    Verdict verdict = Verdict::undecided;
    while (verdict == Verdict::undecided && canary.new_side().requests < most) {
      verdict = canary.run(model, model, share, 50);
    }
    good += verdict == Verdict::good ? 1 : 0;
  }
  return good;
}

// A machine that stalls now and then, on both sides alike: what the sides have in common is so
// rare that comparing them would take a hundred thousand requests.
TEST(JudgeGood, FindsAnEqualFastVersionGoodWithin2500RequestsOfIt) {
  for (const double share : {0.2, 0.5, 0.8}) {
    EXPECT_GE(called_good({.median_ms = 0.4, .spread = 0.3, .stalls = 0.001}, share, 2500),
              0.98 * k_canaries)
        << share;
  }
}

TEST(JudgeGood, FindsAnEqualSlowVersionGoodWithin3000RequestsOfIt) {
  EXPECT_GE(called_good({.median_ms = 20, .spread = 0.3}, 0.5, 3000), 0.95 * k_canaries);
}

// Alone, the bar is all that is known.
TEST(JudgeGood, IsSaidOfASideAloneInNoMoreThanTheMissesWhereItIsAtTheBar) {
  const Judgement policy;
  Random random(seed());
  const auto good = [&](double rate) {
    int count = 0;
    for (int run = 0; run < k_canaries; ++run) {
      Canary canary(policy, random);
      canary.run({}, {}, 0, 1000);
      Verdict verdict = Verdict::undecided;
      for (int look = 0; look < 100 && verdict == Verdict::undecided; ++look) {
        verdict = canary.run({}, {.errors = rate}, 1, 10);
      }
      count += verdict == Verdict::good ? 1 : 0;
    }
    return count;
  };
  EXPECT_LE(good(k_alone_rate), allowed(policy.miss, k_canaries));
  EXPECT_GE(good(0.02), 0.99 * k_canaries);
  EXPECT_EQ(good(0), k_canaries);
}

TEST(JudgeGood, IsSaidOfASideAloneFromTheSmallestSampleOn) {
  const Judgement policy;
  Random random(seed());
  Canary canary(policy, random);
  canary.run({}, {}, 0, 1000);
  EXPECT_EQ(canary.run({}, {}, 1, policy.requests_min - 1), Verdict::undecided);
  EXPECT_EQ(canary.run({}, {}, 1, 1), Verdict::good) << canary.evidence().text;
}

// As when the last old instance leaves because of it.
TEST(JudgeGood, StaysWhatItWasWhenTheOldSideLeaves) {
  const Judgement policy;
  Random random(seed());
  Canary good(policy, random);
  const Model steady{.median_ms = 20, .spread = 0.1};
  good.run(steady, steady, 0, 200);
  ASSERT_EQ(good.run(steady, steady, 0.5, 2000), Verdict::good) << good.evidence().text;
  EXPECT_EQ(good.look(model::Called::new_side), Verdict::good);
  Canary unsure(policy, random);
  unsure.run({.median_ms = 20, .spread = 0.01}, {}, 0, 200);
  const Model slower{.median_ms = 30, .spread = 0.1};
  ASSERT_EQ(unsure.run(slower, slower, 0.5, 130), Verdict::undecided) << unsure.evidence().text;
  EXPECT_EQ(unsure.look(model::Called::new_side), Verdict::undecided) << "a latency is open";
}

TEST(JudgeGood, IsSaidByNoFewerAnswersThanItTakes) {
  Random random(seed());
  const Judgement policy;
  const Outcomes old_side = answers(200, 0, random);
  const std::optional<Evidence> first =
      judge({.policy = policy, .old_side = old_side, .new_side = {}, .before = std::nullopt});
  const auto verdict_by = [&](std::uint64_t requests, std::string_view name) {
    const Outcomes new_side = answers(requests, 0, random);
    const Evidence evidence =
        judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = first});
    return measure(evidence, name).verdict;
  };
  // ln(0.05 / 2) / ln(0.99 / 0.995); of a median eight would do, and the smallest sample is more.
  EXPECT_EQ(verdict_by(732, "latency p99"), Verdict::undecided);
  EXPECT_EQ(verdict_by(733, "latency p99"), Verdict::good);
  EXPECT_EQ(verdict_by(49, "latency p50"), Verdict::undecided);
  EXPECT_EQ(verdict_by(50, "latency p50"), Verdict::good);
  // ln(0.05) / ln(0.99): a version that fails one in a hundred calls has shown by then.
  EXPECT_EQ(verdict_by(298, "errors"), Verdict::undecided);
  EXPECT_EQ(verdict_by(299, "errors"), Verdict::good);
}

// Where the old side has none, a version that fails one in a hundred is called good no more often
// than stated, wherever one looks.
TEST(JudgeGood, IsSaidOfErrorsThatTheOldSideHasNoneOfInNoMoreThanTheMisses) {
  const Judgement policy;
  Random random(seed());
  int good = 0;
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy, random);
    for (int look = 0; look < 200 && canary.run({}, {.errors = k_rare}, 0.5, 10) != Verdict::bad;
         ++look) {
      if (measure(canary.evidence(), "errors").verdict != Verdict::good) continue;
      ++good;
      break;
    }
  }
  EXPECT_LE(good, allowed(policy.miss, k_canaries));
}

}  // namespace
}  // namespace hitless::rollout
