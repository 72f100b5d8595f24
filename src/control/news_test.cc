#include "control/news.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace hitless::control {
namespace {

const model::ServiceId k_a("a");
const model::ServiceId k_b("b");

TEST(News, TellsThoseWhoWatchThatService) {
  News news;
  int first = 0, second = 0, other = 0;
  const auto one = news.watch(k_a, [&] { ++first; });
  auto two = news.watch(k_a, [&] { ++second; });
  const auto three = news.watch(k_b, [&] { ++other; });
  news.tell({k_a});
  two.reset();
  news.tell({k_a, k_b});
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(other, 1);
}

TEST(News, KnowsWhetherAnybodyWatches) {
  News news;
  EXPECT_FALSE(news.is_watched(k_a));
  {
    const auto watch = news.watch(k_a, [] {});
    EXPECT_TRUE(news.is_watched(k_a));
    EXPECT_FALSE(news.is_watched(k_b));
  }
  EXPECT_FALSE(news.is_watched(k_a));
}

TEST(News, DoesNotCallOnceAWatchIsGone) {
  News news;
  std::atomic<bool> stop = false;
  std::thread teller([&] {
    while (!stop) news.tell({k_a});
  });
  for (int i = 0; i < 1000; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(0);
    auto watch = news.watch(k_a, [value = alive.get()] { ++*value; });
    if (i % 2 == 0) std::this_thread::yield();
    // In this order: the watch, then what it points to.
    watch.reset();
    alive.reset();
  }
  stop = true;
  teller.join();
}

}  // namespace
}  // namespace hitless::control
