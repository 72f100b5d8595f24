#include "gateway/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "gateway/circuit.h"

namespace hitless::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

net::Instant at(Duration since) {
  return net::Instant(seconds(1'000'000) + since);
}

constexpr model::RateLimit k_ten_a_second{.requests = 10, .seconds = 1, .burst = 5};

TEST(Admission, GivesABurstAndThenTheRate) {
  Admission admission;
  for (int i = 0; i < 5; ++i) ASSERT_FALSE(admission.take_token(k_ten_a_second, at({})));
  const auto wait = admission.take_token(k_ten_a_second, at({}));
  ASSERT_TRUE(wait.has_value());
  EXPECT_EQ(*wait, milliseconds(100));
  EXPECT_TRUE(admission.take_token(k_ten_a_second, at(milliseconds(99))));
  EXPECT_FALSE(admission.take_token(k_ten_a_second, at(milliseconds(100))));
  EXPECT_TRUE(admission.take_token(k_ten_a_second, at(milliseconds(100))));
}

TEST(Admission, AMinuteOfSilenceIsWorthNoMoreThanABurst) {
  Admission admission;
  admission.take_token(k_ten_a_second, at({}));
  int given = 0;
  while (!admission.take_token(k_ten_a_second, at(seconds(60)))) ++given;
  EXPECT_EQ(given, 5);
}

// A request in ten minutes: who comes too early is told how long to stay away.
TEST(Admission, SaysHowLongASlowRateTakes) {
  Admission admission;
  const model::RateLimit limit{.requests = 1, .seconds = 600, .burst = 1};
  ASSERT_FALSE(admission.take_token(limit, at({})));
  EXPECT_EQ(admission.take_token(limit, at(seconds(1))), Duration(seconds(599)));
}

TEST(Admission, AnotherLimitBeginsWithAFullBucket) {
  Admission admission;
  const model::RateLimit slow{.requests = 1, .seconds = 3600, .burst = 10};
  while (!admission.take_token(slow, at({}))) {
  }
  admission.fill_bucket();
  int given = 0;
  while (!admission.take_token(k_ten_a_second, at({}))) ++given;
  EXPECT_EQ(given, 5);
}

TEST(Admission, WorkersTogetherGetWhatTheLimitSays) {
  Admission admission;
  const model::RateLimit limit{.requests = 1000, .seconds = 1, .burst = 1000};
  std::atomic<int> given = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int turn = 0; turn < 1000; ++turn) {
        // Each clock a little off the others'.
        if (!admission.take_token(limit, at(Duration(turn % 3)))) ++given;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(given, 1000);
  EXPECT_LE(given, 1001);
}

TEST(Admission, LetsInAsManyAtOnceAsTheLimitSays) {
  Admission admission;
  std::atomic<int> entered = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int turn = 0; turn < 10; ++turn) entered += admission.enter(7) ? 1 : 0;
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(entered, 7);
  EXPECT_EQ(admission.in_progress(), 7);
  admission.leave();
  EXPECT_TRUE(admission.enter(7));
  EXPECT_FALSE(admission.enter(7));
}

TEST(Admission, ParksByNumberAndBytes) {
  Admission admission;
  EXPECT_TRUE(admission.park(60, 3, 100));
  EXPECT_FALSE(admission.park(41, 3, 100));
  EXPECT_TRUE(admission.park(40, 3, 100));
  EXPECT_TRUE(admission.park(0, 3, 100));
  EXPECT_FALSE(admission.park(0, 3, 100));
  admission.unpark(60);
  EXPECT_TRUE(admission.park(60, 3, 100));
}

constexpr model::CircuitBreaker k_breaker{.failures = 3, .open = seconds(1)};

TEST(Circuit, OpensAfterSoManyFailuresInARow) {
  Circuit circuit;
  EXPECT_FALSE(circuit.failed(k_breaker, at({})));
  EXPECT_FALSE(circuit.failed(k_breaker, at({})));
  circuit.answered();
  EXPECT_FALSE(circuit.failed(k_breaker, at({})));
  EXPECT_FALSE(circuit.failed(k_breaker, at({})));
  EXPECT_TRUE(circuit.lets_through(at({})));
  EXPECT_TRUE(circuit.failed(k_breaker, at({})));
  EXPECT_TRUE(circuit.is_open());
  EXPECT_FALSE(circuit.lets_through(at({})));
}

TEST(Circuit, ClosesWithATrialThatIsAnsweredAndWaitsLongerAfterOneThatIsNot) {
  Circuit circuit;
  for (int i = 0; i < 3; ++i) circuit.failed(k_breaker, at({}));
  // What was under way when it opened is no trial.
  EXPECT_FALSE(circuit.failed(k_breaker, at(milliseconds(500))));
  EXPECT_EQ(circuit.trial_at(), at(seconds(1)));
  ASSERT_TRUE(circuit.lets_through(at(seconds(1))));
  circuit.begin_trial(at(seconds(1)));
  EXPECT_FALSE(circuit.lets_through(at(seconds(1))));
  EXPECT_FALSE(circuit.failed(k_breaker, at(seconds(1))));
  EXPECT_EQ(circuit.trial_at(), at(seconds(3)));
  circuit.begin_trial(at(seconds(3)));
  circuit.answered();
  EXPECT_FALSE(circuit.is_open());
  EXPECT_TRUE(circuit.lets_through(at(seconds(3))));
}

TEST(Circuit, ATrialWhoseClientLeavesIsFollowedByAnother) {
  Circuit circuit;
  for (int i = 0; i < 3; ++i) circuit.failed(k_breaker, at({}));
  circuit.begin_trial(at(seconds(1)));
  EXPECT_FALSE(circuit.lets_through(at(milliseconds(1999))));
  EXPECT_TRUE(circuit.lets_through(at(seconds(2))));
}

TEST(Circuit, StaysOpenForAMinuteAtMost) {
  Circuit circuit;
  for (int i = 0; i < 3; ++i) circuit.failed(k_breaker, at({}));
  net::Instant now = circuit.trial_at();
  for (int i = 0; i < 20; ++i) {
    circuit.begin_trial(now);
    circuit.failed(k_breaker, now);
    ASSERT_LE(circuit.trial_at() - now, seconds(60));
    now = circuit.trial_at();
  }
}

}  // namespace
}  // namespace hitless::gateway
