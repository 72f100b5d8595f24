#include "gateway/schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "gateway/table_change.h"
#include "model/route.h"

namespace hitless::gateway {
namespace {

using Weights = std::vector<std::uint32_t>;

constexpr std::size_t k_window = 1000;

std::int64_t total_of(const Weights& weights) {
  return std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
}

// How far, at the worst, any weight is from its part of the turns [begin, begin + size).
double worst_of(const Weights& weights, const std::vector<std::int64_t>& counts, double size) {
  double worst = 0;
  const auto total = static_cast<double>(total_of(weights));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(counts[i]) - size * weights[i] / total));
  }
  return worst;
}

// Over every window of 1,000 turns that begins in the first `windows` ones.
double worst_window(const Schedule& schedule, const Weights& weights, std::size_t windows) {
  std::vector<std::int64_t> counts(weights.size(), 0);
  for (std::size_t turn = 0; turn < k_window; ++turn) ++counts[schedule.at(turn)];
  double worst = worst_of(weights, counts, k_window);
  for (std::size_t begin = 0; begin < windows; ++begin) {
    --counts[schedule.at(begin)];
    ++counts[schedule.at(begin + k_window)];
    worst = std::max(worst, worst_of(weights, counts, k_window));
  }
  return worst;
}

// As control makes them: percent, parts of a percent while instances change, bounded by
// k_weight_max; sometimes nothing.
rc::Gen<Weights> any_weights() {
  return rc::gen::suchThat(
      rc::gen::mapcat(
          rc::gen::inRange<std::size_t>(1, 9),
          [](std::size_t count) {
            return rc::gen::container<Weights>(
                count, rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(0, 101),
                                      rc::gen::inRange<std::uint32_t>(0, model::k_weight_max + 1)));
          }),
      [](const Weights& weights) { return total_of(weights) > 0; });
}

RC_GTEST_PROP(Schedule, IsRightOverEveryThousandTurns, ()) {
  const Weights weights = *any_weights();
  const Schedule schedule(weights);
  // Two rounds and a bit hold every place where rounds meet; more of them, from round to round.
  const double worst = worst_window(schedule, weights, 5 * k_window);
  RC_ASSERT(worst < 1);
}

// The same for very many sets of weights, as they are during rollouts: a percent of the traffic
// split over instances.
TEST(Schedule, IsRightForManySets) {
  std::mt19937 random(4);
  const auto below = [&](std::uint32_t limit) {
    return static_cast<std::uint32_t>(random() % limit);
  };
  double worst = 0;
  for (int set = 0; set < 1500; ++set) {
    Weights weights;
    for (std::uint32_t left = 2 + below(7); left > 0; --left) {
      weights.push_back(below(2) == 0 ? below(101) : (1 + below(100)) * (1 + below(10)));
    }
    if (total_of(weights) == 0) continue;
    worst = std::max(worst, worst_window(Schedule(weights), weights, 3 * k_window));
  }
  EXPECT_LT(worst, 1);
}

RC_GTEST_PROP(Schedule, IsExactOverItsPeriod, ()) {
  const Weights weights =
      *rc::gen::suchThat(rc::gen::container<Weights>(rc::gen::inRange<std::uint32_t>(0, 40)),
                         [](const Weights& each) { return total_of(each) > 0 && each.size() < 8; });
  const Schedule schedule(weights);
  std::vector<std::int64_t> counts(weights.size(), 0);
  for (std::uint64_t turn = 0; turn < schedule.period(); ++turn) ++counts[schedule.at(turn)];
  const auto total = static_cast<std::uint64_t>(total_of(weights));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    RC_ASSERT(static_cast<std::uint64_t>(counts[i]) * total == schedule.period() * weights[i]);
  }
}

// Wherever it begins: what a change of weights leaves to the next schedule.
RC_GTEST_PROP(Schedule, BeginsAnywhereAndIsAsRight, ()) {
  const Weights weights = *any_weights();
  RC_PRE(Schedule(weights).period() > 1);  // alone, a weight has every turn
  const auto position = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000'000);
  Schedule schedule(weights, position);
  std::vector<std::int64_t> counts(weights.size(), 0);
  for (std::size_t turn = 0; turn < k_window; ++turn) ++counts[schedule.next()];
  RC_ASSERT(worst_of(weights, counts, k_window) < 1);
  RC_ASSERT(schedule.position() == position + k_window);
}

// Where nothing but all rounds differ: the largest stretch that small weights wait.
TEST(Schedule, SpreadsASmallWeightOverTheRounds) {
  const Weights weights{1000, 1000, 1};  // about one in two rounds
  const Schedule schedule(weights);
  std::vector<std::uint64_t> seen;
  for (std::uint64_t turn = 0; turn < 200'000; ++turn) {
    if (schedule.at(turn) == 2) seen.push_back(turn);
  }
  ASSERT_GE(seen.size(), 99U);
  for (std::size_t i = 1; i < seen.size(); ++i) ASSERT_LE(seen[i] - seen[i - 1], 4000U);
}

// What several workers take between them is the one sequence, each turn once.
TEST(Schedule, IsRightForAllWorkersTogether) {
  const Weights weights{61, 23, 13};
  Schedule schedule(weights);
  constexpr std::size_t k_threads = 4;
  constexpr std::size_t k_each = 50'000;
  std::vector<std::map<std::size_t, std::int64_t>> taken(k_threads);
  std::vector<std::thread> workers;
  for (auto& mine : taken) {
    workers.emplace_back([&] {
      for (std::size_t turn = 0; turn < k_each; ++turn) ++mine[schedule.next()];
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::vector<std::int64_t> counts(weights.size(), 0);
  for (const auto& mine : taken) {
    for (const auto& [index, count] : mine) counts[index] += count;
  }
  std::vector<std::int64_t> expected(weights.size(), 0);
  for (std::size_t turn = 0; turn < k_threads * k_each; ++turn) ++expected[schedule.at(turn)];
  EXPECT_EQ(counts, expected);
}

model::RouteTable table_of(model::Generation generation, std::vector<model::Share> shares) {
  model::ServiceRoute route{.service = model::ServiceId("s"),
                            .standing = model::Standing::serving,
                            .shares = std::move(shares)};
  return {.generation = generation, .services = {std::move(route)}, .token_digests = {}};
}

model::Share share_of(model::RevisionNumber revision, std::uint32_t weight,
                      const std::string& instance) {
  return {.revision = revision,
          .weight = weight,
          .endpoints = {{model::InstanceId(instance), Address{}}}};
}

// A table that changes a service's instances alone takes no weight's turn away, and one that
// changes weights goes on where the turns were: what changes often would else begin with the
// largest weight each time and starve the others.
TEST(Schedule, GoesOnFromTableToTable) {
  TableHistory history;
  const auto first =
      history.advance(table_of(1, {share_of(1, 90, "a"), share_of(2, 10, "b")})).value();
  const auto schedule = first->changed.at(0).schedule;
  for (int turn = 0; turn < 7; ++turn) schedule->next();
  const auto moved =
      history.advance(table_of(2, {share_of(1, 90, "c"), share_of(2, 10, "b")})).value();
  EXPECT_EQ(moved->changed.at(0).schedule, schedule);
  EXPECT_EQ(moved->changed.at(0).admission, first->changed.at(0).admission);
  const auto weighed =
      history.advance(table_of(3, {share_of(1, 80, "c"), share_of(2, 20, "b")})).value();
  EXPECT_NE(weighed->changed.at(0).schedule, schedule);
  EXPECT_EQ(weighed->changed.at(0).schedule->position(), 7U);
  EXPECT_EQ(weighed->changed.at(0).admission, first->changed.at(0).admission);
}

TEST(Schedule, FrequentChangesDoNotStarveASmallWeight) {
  TableHistory history;
  std::int64_t small = 0;
  std::int64_t turns = 0;
  for (model::Generation generation = 1; generation <= 2000; ++generation) {
    const std::uint32_t weight = generation % 2 == 0 ? 10 : 11;
    const auto change = history.advance(
        table_of(generation, {share_of(1, 100 - weight, "a"), share_of(2, weight, "b")}));
    for (int turn = 0; turn < 3; ++turn, ++turns) {
      small += (*change)->changed.at(0).schedule->next() == 1 ? 1 : 0;
    }
  }
  EXPECT_NEAR(static_cast<double>(small), 0.105 * static_cast<double>(turns),
              0.02 * static_cast<double>(turns));
}

}  // namespace
}  // namespace hitless::gateway
