// The promises of the judgement, held against simulated canaries.  Every program run prints its
// seed; HITLESS_SEED=n runs another, or that one again.
#include "rollout/judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>

#include "rollout/sim/effort.h"

namespace hitless::rollout {
namespace {

using model::Evidence;
using model::Judgement;
using model::Outcomes;
using model::Verdict;

std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* given = std::getenv("HITLESS_SEED");
    const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : 20240607;
    std::cout << "HITLESS_SEED=" << value << "\n";
    return value;
  }();
  return chosen;
}

using Random = std::mt19937_64;

const int k_canaries = k_sanitized ? 200 : 1000;

// What one side answers.
struct Model {
  double errors = 0;
  double median_ms = 0;  // of a log-normal latency; 0: not counted
  double spread = 0.6;
};

void add_requests(Outcomes& side, const Model& model, std::uint64_t requests, Random& random) {
  const std::uint64_t errors =
      std::binomial_distribution<std::uint64_t>(requests, model.errors)(random);
  side.requests += requests;
  side.by_class[5] += errors;
  side.by_class[2] += requests - errors;
  if (model.median_ms == 0) return;
  std::lognormal_distribution<double> latency(std::log(model.median_ms * 1000), model.spread);
  for (std::uint64_t request = 0; request < requests; ++request) {
    const double micros = latency(random);
    side.latency.record(static_cast<std::uint64_t>(micros));
    side.first_byte.record(static_cast<std::uint64_t>(micros / 2));
  }
}

// One window that is looked at again and again.
class Canary {
 public:
  Canary(const Judgement& policy, Random& random) : policy_(policy), random_(random) {}

  Verdict run(const Model& old_model, const Model& new_model, double share,
              std::uint64_t requests) {
    const std::uint64_t mine = std::binomial_distribution<std::uint64_t>(requests, share)(random_);
    add_requests(new_side_, new_model, mine, random_);
    add_requests(old_side_, old_model, requests - mine, random_);
    return look();
  }

  Verdict look() {
    evidence_ = judge({.policy = policy_,
                       .old_side = old_side_,
                       .new_side = new_side_,
                       .before = evidence_,
                       .old_revision = 2,
                       .new_revision = 3});
    return evidence_->verdict;
  }

  const Outcomes& new_side() const { return new_side_; }
  const Evidence& evidence() const { return *evidence_; }

 private:
  const Judgement& policy_;
  Random& random_;
  Outcomes old_side_, new_side_;
  std::optional<Evidence> evidence_;
};

const model::Measure& measure(const Evidence& evidence, std::string_view name) {
  for (const model::Measure& found : evidence.measures) {
    if (found.name == name) return found;
  }
  static const model::Measure none;
  ADD_FAILURE() << "no measure " << name;
  return none;
}

// At most: the stated probability, and what chance may add to it.
double allowed(double probability, int runs) {
  return runs * probability + 3.5 * std::sqrt(runs * probability * (1 - probability)) + 1;
}

// How many of k_canaries with equal sides were taken back.  `share` says the new side's part at
// each of the looks.
template <class Share>
int false_rollbacks(const Judgement& policy, const Model& model, int looks, std::uint64_t batch,
                    Share share) {
  Random random(seed());
  int taken_back = 0;
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy, random);
    for (int at = 0; at < looks; ++at) {
      if (canary.run(model, model, share(at), batch) != Verdict::bad) continue;
      ++taken_back;
      break;
    }
  }
  return taken_back;
}

// The tenth is far more than anyone would choose: an excess would show in so many runs.
class FalseAlarm : public testing::TestWithParam<double> {
 protected:
  void SetUp() override {
    policy_.false_alarm = GetParam();
    policy_.latency_slack = {};  // the promise does not need it
  }
  Judgement policy_;
};

TEST_P(FalseAlarm, StaysWithinWhatIsStatedAtEveryRateAndShare) {
  for (const double rate : {0.001, 0.01, 0.1}) {
    for (const double share : {0.05, 0.2, 0.5}) {
      const int taken_back =
          false_rollbacks(policy_, {.errors = rate}, 40, 150, [share](int) { return share; });
      EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries)) << rate << " at " << share;
    }
  }
}

TEST_P(FalseAlarm, StaysWithinWhatIsStatedWhenLookedAtAfterEachFewRequests) {
  const int taken_back = false_rollbacks(policy_, {.errors = 0.1}, 300, 7, [](int) { return 0.3; });
  EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries));
}

TEST_P(FalseAlarm, StaysWithinWhatIsStatedForLatencies) {
  for (const double share : {0.1, 0.5}) {
    const int taken_back = false_rollbacks(policy_, {.errors = 0.01, .median_ms = 20}, 12, 60,
                                           [share](int) { return share; });
    EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries)) << share;
  }
}

TEST_P(FalseAlarm, StaysWithinWhatIsStatedWhileTheShareGrows) {
  const int taken_back = false_rollbacks(policy_, {.errors = 0.05}, 40, 150,
                                         [](int at) { return 0.1 + 0.2 * (at / 10); });
  EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries));
}

// Blue/green: first all of it goes to the old side, then all to the new one.
TEST_P(FalseAlarm, StaysWithinWhatIsStatedWhenTheTrafficIsSwitched) {
  const int taken_back = false_rollbacks(policy_, {.errors = 0.02}, 40, 150,
                                         [](int at) { return at < 10 ? 0.0 : 1.0; });
  EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries));
}

INSTANTIATE_TEST_SUITE_P(Judge, FalseAlarm, testing::Values(0.01, 0.1));

// A rate that triples on both sides while the share grows: added up without stretches, the new
// side would be blamed for the hour.
TEST(Judge, DoesNotBlameTheNewSideForAWorseHour) {
  Judgement policy;
  Random random(seed());
  int taken_back = 0;
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy, random);
    bool bad = false;
    for (int at = 0; at < 40 && !bad; ++at) {
      const Model model{.errors = at < 20 ? 0.02 : 0.06};
      bad = canary.run(model, model, at < 20 ? 0.1 : 0.7, 150) == Verdict::bad;
    }
    taken_back += bad ? 1 : 0;
  }
  EXPECT_LE(taken_back, allowed(policy.false_alarm, k_canaries));
}

TEST(Judge, CatchesADoubledErrorRateWithinItsStatedSample) {
  Judgement policy;
  Random random(seed());
  for (const double share : {0.1, 0.5}) {
    for (const double rate : {0.01, 0.1}) {
      const double sample = expected_sample(policy, rate, share, 1);
      const double batch = sample / share / 20;
      int caught = 0;
      double spent = 0;
      for (int run = 0; run < k_canaries; ++run) {
        Canary canary(policy, random);
        Verdict verdict = Verdict::undecided;
        while (verdict != Verdict::bad &&
               static_cast<double>(canary.new_side().requests) < k_sample_multiple * sample) {
          verdict = canary.run({.errors = rate}, {.errors = 2 * rate}, share,
                               static_cast<std::uint64_t>(batch));
        }
        caught += verdict == Verdict::bad ? 1 : 0;
        spent += static_cast<double>(canary.new_side().requests) / k_canaries;
      }
      EXPECT_GE(caught, (1 - policy.miss) * k_canaries)
          << rate << " at " << share << ", sample " << sample << ", spent " << spent;
    }
  }
}

// All but `miss` of the canaries are taken back before the new side has had `most` requests.
void expect_caught(const Model& old_model, const Model& new_model, std::uint64_t most) {
  const Judgement policy;
  Random random(seed());
  for (const double share : {0.1, 0.25, 0.5}) {
    int caught = 0;
    for (int run = 0; run < k_canaries; ++run) {
      Canary canary(policy, random);
      Verdict verdict = Verdict::undecided;
      while (verdict != Verdict::bad && canary.new_side().requests < most) {
        verdict = canary.run(old_model, new_model, share, 50);
      }
      caught += verdict == Verdict::bad ? 1 : 0;
    }
    EXPECT_GE(caught, (1 - policy.miss) * k_canaries) << share;
  }
}

TEST(Judge, CatchesThreeTimesSlowerAnswersWithin150Requests) {
  expect_caught({.median_ms = 20}, {.median_ms = 60}, 150);
}

// Starting an instance beside it costs a model of half a millisecond more than that.
TEST(Judge, LeavesAFastModelAloneWithinTheSlack) {
  const Judgement policy;
  Random random(seed());
  Canary canary(policy, random);
  for (int at = 0; at < 20; ++at) canary.run({.median_ms = 0.4}, {.median_ms = 4}, 0.5, 200);
  EXPECT_NE(canary.evidence().verdict, Verdict::bad) << canary.evidence().text;
}

TEST(Judge, CatchesFivePercentErrorsAgainstNoneWithin1000Requests) {
  expect_caught({}, {.errors = 0.05}, 1000);
}

TEST(Judge, CatchesErrorsAfterASwitchOfAllTraffic) {
  Judgement policy;
  Random random(seed());
  Canary canary(policy, random);
  canary.run({}, {}, 0, 1000);
  for (int at = 0; at < 20; ++at) canary.run({}, {.errors = 0.05}, 1, 50);
  EXPECT_EQ(canary.evidence().verdict, Verdict::bad) << canary.evidence().text;
}

TEST(Judge, FindsAnEqualVersionGood) {
  Judgement policy;
  Random random(seed());
  const Model model{.errors = 0, .median_ms = 100};
  for (int run = 0; run < 10; ++run) {
    Canary canary(policy, random);
    for (int at = 0; at < 20; ++at) canary.run(model, model, 0.5, 200);
    EXPECT_NE(canary.evidence().verdict, Verdict::bad) << canary.evidence().text;
    for (const char* name : {"errors", "latency p50", "first byte p50", "cut answers"}) {
      EXPECT_EQ(measure(canary.evidence(), name).verdict, Verdict::good) << name;
    }
  }
}

// A switch is not as clean as one would like: for a moment both sides are called.
TEST(Judge, CatchesErrorsAfterASwitchThatOverlaps) {
  Judgement policy;
  Random random(seed());
  Canary canary(policy, random);
  canary.run({}, {}, 0, 1000);
  canary.run({}, {.errors = 0.05}, 0.5, 200);
  canary.run({}, {.errors = 0.05}, 0.9, 50);
  for (int at = 0; at < 40; ++at) canary.run({}, {.errors = 0.05}, 1, 50);
  EXPECT_EQ(canary.evidence().verdict, Verdict::bad) << canary.evidence().text;
}

Outcomes side(std::uint64_t requests, std::uint64_t errors) {
  Outcomes made;
  made.requests = requests;
  made.by_class[5] = errors;
  made.by_class[2] = requests - errors;
  return made;
}

TEST(Judge, SaysInOneSentenceWhatItSaw) {
  const Judgement policy;
  const Outcomes old_side = side(9411, 0);
  const Outcomes new_side = side(1040, 52);
  const Evidence evidence = judge({.policy = policy,
                                   .old_side = old_side,
                                   .new_side = new_side,
                                   .before = std::nullopt,
                                   .old_revision = 2,
                                   .new_revision = 3});
  EXPECT_EQ(evidence.verdict, Verdict::bad);
  EXPECT_EQ(evidence.text,
            "errors: 52 of 1,040 (5.0 %) on revision 3 against 0 of 9,411 (0.0 %) on revision 2");
}

TEST(Judge, TakesFarTooManyErrorsForBadBeforeTheSmallestSample) {
  struct Row {
    std::uint64_t old_requests, old_errors, new_requests, new_errors;
    Verdict want;
  };
  const Row rows[] = {
      {74, 0, 9, 7, Verdict::bad},
      {60, 0, 10, 5, Verdict::bad},
      {60, 0, 10, 4, Verdict::undecided},   // few enough to be an accident
      {74, 37, 9, 7, Verdict::undecided},   // the old side is no better
      {500, 5, 40, 2, Verdict::undecided},  // worse, perhaps, and far from certain
      {0, 0, 9, 9, Verdict::undecided},     // nothing to hold it against
      {9, 9, 40, 20, Verdict::undecided},
      {14, 0, 19, 12, Verdict::bad},  // few on both sides: the exact test tells
  };
  const Judgement policy;
  for (const Row& row : rows) {
    const Outcomes old_side = side(row.old_requests, row.old_errors);
    const Outcomes new_side = side(row.new_requests, row.new_errors);
    const Evidence evidence = judge(
        {.policy = policy, .old_side = old_side, .new_side = new_side, .before = std::nullopt});
    EXPECT_EQ(evidence.verdict, row.want) << row.new_errors << " of " << row.new_requests;
  }
}

// After each request, where few come: what is looked at most often.
TEST_P(FalseAlarm, StaysWithinWhatIsStatedBeforeTheSmallestSample) {
  policy_.requests_min = 1000;
  for (const double rate : {0.05, 0.3}) {
    for (const double share : {0.15, 0.6}) {
      const int taken_back =
          false_rollbacks(policy_, {.errors = rate}, 200, 1, [share](int) { return share; });
      EXPECT_LE(taken_back, allowed(policy_.false_alarm, k_canaries)) << rate << " at " << share;
    }
  }
}

TEST(Judge, CatchesAVersionThatFailsHalfOfItsCallsWithin50Requests) {
  expect_caught({}, {.errors = 0.5}, 50);
}

TEST(Judge, SaysNothingOfLatenciesBeforeTheSmallestSample) {
  Judgement policy;
  policy.requests_min = 100;
  Random random(seed());
  Outcomes old_side, few;
  add_requests(old_side, {.median_ms = 20}, 9000, random);
  add_requests(few, {.median_ms = 2000}, 99, random);
  EXPECT_FALSE(has_sample(policy, few));
  const Evidence evidence =
      judge({.policy = policy, .old_side = old_side, .new_side = few, .before = std::nullopt});
  EXPECT_EQ(evidence.verdict, Verdict::undecided);
  EXPECT_TRUE(has_sample(policy, side(100, 0)));
}

TEST(Judge, SaysNothingWithoutTraffic) {
  const Judgement policy;
  const Outcomes none;
  const Evidence evidence =
      judge({.policy = policy, .old_side = none, .new_side = none, .before = std::nullopt});
  EXPECT_EQ(evidence.verdict, Verdict::undecided);
  EXPECT_EQ(evidence.text, "no requests yet");
  for (const model::Measure& each : evidence.measures) EXPECT_EQ(each.log_ratio, 0) << each.name;
}

TEST(Judge, CountsAnAnswerThatHitlessFailedOnce) {
  const Judgement policy;
  const Outcomes old_side = side(1000, 0);
  Outcomes new_side = side(1000, 10);  // 503 of ours: in its class and among the failed
  new_side.failed = 14;
  new_side.cut = 4;  // answers of class 2xx that broke off
  const Evidence evidence =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = std::nullopt});
  EXPECT_EQ(measure(evidence, "errors").new_events, 14u);
  EXPECT_EQ(measure(evidence, "cut answers").new_events, 4u);
}

TEST(Judge, LooksTwiceAtTheSameCountsAndLearnsNothing) {
  const Judgement policy;
  const Outcomes old_side = side(1000, 10);
  const Outcomes new_side = side(1000, 25);
  const std::optional<Evidence> first =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = std::nullopt});
  const Evidence second =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = first});
  EXPECT_EQ(measure(second, "errors").log_ratio, measure(*first, "errors").log_ratio);
}

TEST(Judge, GoesOnWithWhatItKnewWhenTheWindowBeginsAnew) {
  const Judgement policy;
  const Outcomes old_side = side(1000, 10);
  const Outcomes new_side = side(1000, 25);
  const std::optional<Evidence> first =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = std::nullopt});
  const Outcomes none;
  const std::optional<Evidence> again =
      judge({.policy = policy, .old_side = none, .new_side = none, .before = first});
  EXPECT_EQ(measure(*again, "errors").log_ratio, measure(*first, "errors").log_ratio);
  const Evidence third =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = again});
  EXPECT_DOUBLE_EQ(measure(third, "errors").log_ratio, 2 * measure(*first, "errors").log_ratio);
}

TEST(Judge, BeginsEachStepAnewButKeepsTheLimits) {
  Judgement policy;
  Random random(seed());
  Outcomes old_side, new_side;
  add_requests(old_side, {.errors = 0.01, .median_ms = 20}, 1000, random);
  add_requests(new_side, {.errors = 0.03, .median_ms = 20}, 1000, random);
  const std::optional<Evidence> first =
      judge({.policy = policy, .old_side = old_side, .new_side = new_side, .before = std::nullopt});
  const Outcomes none;
  const Evidence next =
      judge({.policy = policy, .old_side = none, .new_side = none, .step = 1, .before = first});
  EXPECT_EQ(measure(next, "errors").log_ratio, 0);
  EXPECT_GT(measure(next, "latency p99").limit_us, 0);
  EXPECT_EQ(measure(next, "latency p99").limit_us, measure(*first, "latency p99").limit_us);
}

}  // namespace
}  // namespace hitless::rollout
