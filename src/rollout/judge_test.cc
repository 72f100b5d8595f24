// The promises of the judgement, held against simulated canaries.
#include "rollout/judge.h"

#include <gtest/gtest.h>

#include <cmath>

#include "rollout/test_canary.h"

namespace hitless::rollout {
namespace {

using model::Called;
using model::Evidence;
using model::Judgement;
using model::Outcomes;
using model::Verdict;

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
    policy_.latency_slack = policy_.tail_slack = {};  // the promise does not need them
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

// How soon canaries are taken back, in requests of the new side: on the average, and how many
// within what the sample says.
struct Caught {
  double average = 0;
  int within = 0;
};

template <class Sample>
Caught caught_within(const Sample& sample, const Model& old_model, const Model& new_model,
                     double share) {
  const Judgement policy;
  Random random(seed());
  Caught caught;
  const auto batch = static_cast<std::uint64_t>(std::max(1.0, sample.average / share / 50));
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy, random);
    Verdict verdict = Verdict::undecided;
    const double most = 4 * sample.within;
    while (verdict != Verdict::bad && static_cast<double>(canary.new_side().requests) < most) {
      verdict = canary.run(old_model, new_model, share, batch);
    }
    const auto spent = static_cast<double>(canary.new_side().requests);
    caught.average += spent / k_canaries;
    caught.within += verdict == Verdict::bad && spent <= sample.within ? 1 : 0;
  }
  return caught;
}

TEST(Judge, CatchesADoubledErrorRateWithinItsStatedSample) {
  const Judgement policy;
  for (const double share : {0.1, 0.5}) {
    for (const double rate : {0.01, 0.1}) {
      const Passage sample = expected_sample(policy, rate, share, 1);
      const Caught caught = caught_within(sample, {.errors = rate}, {.errors = 2 * rate}, share);
      EXPECT_GE(caught.within, k_canaries - allowed(policy.miss, k_canaries))
          << rate << " at " << share << ", within " << sample.within;
      EXPECT_LE(caught.average, 1.05 * sample.average) << rate << " at " << share;
      EXPECT_GE(caught.average, 0.8 * sample.average) << "it states too much";
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

// Starting an instance beside it costs a model of half a millisecond as much as that.
TEST(Judge, LeavesAFastModelAloneWithinTheSlack) {
  const Judgement policy;
  Random random(seed());
  Canary canary(policy, random);
  for (int at = 0; at < 20; ++at) canary.run({.median_ms = 0.4}, {.median_ms = 1.6}, 0.5, 200);
  EXPECT_NE(canary.evidence().verdict, Verdict::bad) << canary.evidence().text;
}

TEST(Judge, CatchesFivePercentErrorsAgainstNoneWithin1000Requests) {
  expect_caught({}, {.errors = 0.05}, 1000);
}

// Blue/green: nothing in the same window says whose doing it is.
class AfterASwitch : public testing::Test {
 protected:
  // How many are taken back when all answer like `past` before the switch and `since` after it.
  int taken_back(const Model& past, const Model& since, std::uint64_t past_requests = 1000) {
    Random random(seed());
    int bad = 0;
    for (int run = 0; run < k_canaries; ++run) {
      Canary canary(policy_, random);
      canary.run(past, past, 0, past_requests);
      Verdict verdict = Verdict::undecided;
      for (int at = 0; at < 40 && verdict != Verdict::bad; ++at) {
        verdict = canary.run(since, since, 1, 50);
      }
      bad += verdict == Verdict::bad ? 1 : 0;
      text_ = canary.evidence().text;
    }
    return bad;
  }
  Judgement policy_;
  std::string text_;  // of the last one
};

TEST_F(AfterASwitch, AnEqualVersionIsNotBlamedForAWorseWorld) {
  struct Row {
    double past, since;
  };
  for (const Row& row : {Row{0.01, 0.1}, {0, 0.1}, {0, 0.2}, {0.01, 0.2}, {0.3, 0.8}}) {
    EXPECT_LE(taken_back({.errors = row.past}, {.errors = row.since}),
              allowed(policy_.false_alarm, k_canaries))
        << row.past << " to " << row.since << ": " << text_;
  }
  EXPECT_LE(taken_back({.errors = 0.01}, {.errors = 0.1}, 200), 0) << text_;
}

// The bar itself is reached: the worst that an equal version may meet.
TEST_F(AfterASwitch, FalseAlarmsStayWithinWhatIsStatedAtTheBar) {
  policy_.false_alarm = 0.1;
  EXPECT_LE(taken_back({}, {.errors = k_alone_rate}), allowed(0.1, k_canaries));
}

TEST_F(AfterASwitch, AStalledMachineBlamesNobody) {
  const int runs = taken_back({.median_ms = 5}, {.median_ms = 500});
  EXPECT_EQ(runs, 0) << text_;
}

TEST_F(AfterASwitch, AVersionThatFailsByFarIsStillTakenBack) {
  for (const double rate : {0.5, 0.9}) {
    EXPECT_GE(taken_back({.errors = 0.01}, {.errors = rate}),
              k_canaries - allowed(policy_.miss, k_canaries))
        << rate << ": " << text_;
  }
  EXPECT_GE(taken_back({}, {.errors = 1}, 0), k_canaries) << "and nobody called the old one";
}

// However long it was right before: a warm old side is kept for this.
TEST_F(AfterASwitch, WhatWasRightBeforeHidesNoFault) {
  Random random(seed());
  for (const std::uint64_t before : {100U, 1000U, 10'000U, 100'000U}) {
    Canary canary(policy_, random);
    canary.run({}, {}, 0, 1000);
    for (std::uint64_t came = 0; came < before; came += 50) {
      ASSERT_NE(canary.run({.errors = 0.01}, {.errors = 0.01}, 1, 50), Verdict::bad);
    }
    std::uint64_t wrong = 0;
    while (wrong < 1000 && canary.run({}, {.errors = 1}, 1, 5) != Verdict::bad) wrong += 5;
    EXPECT_LE(wrong, 60U) << "after " << before;
    EXPECT_NE(canary.evidence().text.find("the last "), std::string::npos)
        << canary.evidence().text;
  }
}

TEST_F(AfterASwitch, FalseAlarmsStayWithinWhatIsStatedHoweverLongItIsLookedAt) {
  policy_.false_alarm = 0.1;
  Random random(seed());
  int runs = 0;
  const int canaries = k_canaries / 4;
  for (int run = 0; run < canaries; ++run) {
    Canary canary(policy_, random);
    canary.run({}, {}, 0, 1000);
    Verdict verdict = Verdict::undecided;
    for (int look = 0; look < 500 && verdict != Verdict::bad; ++look) {
      verdict = canary.run({}, {.errors = k_alone_rate}, 1, 20);
    }
    runs += verdict == Verdict::bad ? 1 : 0;
  }
  EXPECT_LE(runs, allowed(0.1, canaries));
}

TEST_F(AfterASwitch, ItsSampleIsWhatIsStated) {
  const Passage sample = expected_sample_alone(policy_, 0.5, k_alone_rate, 1);
  Random random(seed());
  int within = 0;
  for (int run = 0; run < k_canaries; ++run) {
    Canary canary(policy_, random);
    canary.run({}, {}, 0, 1000);
    Verdict verdict = Verdict::undecided;
    while (verdict != Verdict::bad &&
           static_cast<double>(canary.new_side().requests) < sample.within) {
      verdict = canary.run({}, {.errors = 0.5}, 1, 1);
    }
    within += verdict == Verdict::bad ? 1 : 0;
  }
  EXPECT_GE(within, k_canaries - allowed(policy_.miss, k_canaries)) << sample.within;
}

TEST_F(AfterASwitch, TheSentenceSaysWhatItWasHeldAgainst) {
  Random random(seed());
  Canary canary(policy_, random);
  canary.run({}, {}, 0, 1000);
  canary.run({}, {.errors = 1}, 1, 60);
  EXPECT_EQ(canary.evidence().text,
            "errors: 60 of 60 (100.0 %) on revision 3 since it is called alone, where up to 20.0 % "
            "may be the world's doing (0 of 1,000 (0.0 %) on revision 2 before); by chance that is "
            "exceeded in 1 % of rollouts at the most");
}

// What changes hands while nobody looks belongs to no window.
TEST_F(AfterASwitch, WhatCameWhileItWasMadeIsNotCounted) {
  Outcomes old_side, new_side;
  std::optional<Evidence> evidence;
  const auto look = [&](Called called, bool steady) {
    evidence = judge({.policy = policy_,
                      .old_side = old_side,
                      .new_side = new_side,
                      .before = evidence,
                      .called = called,
                      .is_steady = steady});
    return measure(*evidence, "errors");
  };
  old_side.requests = 100;
  new_side.requests = new_side.by_class[5] = 100;
  EXPECT_EQ(look(Called::both, false).new_total, 0U);
  new_side.requests += 10;
  EXPECT_EQ(look(Called::both, true).new_total, 10U);
  new_side.requests += 100;
  const model::Measure switched = look(Called::new_side, false);
  EXPECT_EQ(switched.new_total, 10U);
  EXPECT_EQ(switched.apart.new_total, 0U);
  new_side.requests += 7;
  EXPECT_EQ(look(Called::new_side, true).apart.new_total, 7U);
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
      {11, 0, 19, 12, Verdict::bad},
      {10, 0, 10, 5, Verdict::undecided},  // one of sixty equal pairs looks like that
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
  EXPECT_EQ(measure(*again, "errors").new_total, 1000U) << "nor are its numbers lost";
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
