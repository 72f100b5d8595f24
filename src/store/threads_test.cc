#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/support/store_values.h"

namespace hitless::store {
namespace {

class Threads : public StoreTest {};

TEST_F(Threads, EachWritesWholesAndTakesItsOwnGenerations) {
  constexpr int k_threads = 4;
  constexpr int k_rounds = 25;
  for (int i = 0; i < k_threads; ++i) add("s" + std::to_string(i), "n" + std::to_string(i));
  std::vector<std::vector<model::Generation>> taken(k_threads);
  std::vector<std::thread> threads;
  for (int i = 0; i < k_threads; ++i) {
    threads.emplace_back([&, i] {
      const model::ServiceId id("s" + std::to_string(i));
      for (int round = 1; round <= k_rounds; ++round) {
        taken[static_cast<std::size_t>(i)].push_back(store().take_generation().value());
        EXPECT_TRUE(store().record(
            {.instances = {some_instance(id, round)}, .events = {some_event(id.text(), "round")}}));
        EXPECT_EQ(store().list_instances(id)->size(), static_cast<std::size_t>(round));
        EXPECT_EQ(store().list_services({})->total, k_threads);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<model::Generation> different;
  for (const auto& own : taken) {
    EXPECT_TRUE(std::is_sorted(own.begin(), own.end()));
    different.insert(own.begin(), own.end());
  }
  EXPECT_EQ(different.size(), static_cast<std::size_t>(k_threads * k_rounds));
  EXPECT_EQ(store().list_events({.page = {.limit = 1}})->total, k_threads * (k_rounds + 1));
}

}  // namespace
}  // namespace hitless::store
