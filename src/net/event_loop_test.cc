#include "net/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>

namespace hitless::net {
namespace {

using std::chrono::milliseconds;

struct Probe final : Handler {
  explicit Probe(EventLoop& loop) : timer(loop, *this) {}
  void on_ready(Ready ready) override {
    if (ready_call) ready_call(ready);
  }
  void on_turn_end() override {
    if (turn_end_call) turn_end_call();
  }
  void on_timer(Timer&) override {
    ++fired;
    if (timer_call) timer_call();
  }
  Timer timer;
  int fired = 0;
  std::function<void(Ready)> ready_call;
  std::function<void()> timer_call;
  std::function<void()> turn_end_call;
};

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
  UniqueFd ours, theirs;
};

TEST(EventLoop, TellsWhatIsReadable) {
  auto loop = std::move(EventLoop::make()).value();
  const Pair pair;
  Probe probe(*loop);
  std::string seen;
  probe.ready_call = [&](Ready ready) {
    if (!ready.readable) return;
    const auto buffer = loop->receive_buffer();
    const ssize_t got = ::read(pair.ours.get(), buffer.data(), buffer.size());
    if (got > 0) seen.append(buffer.data(), static_cast<std::size_t>(got));
    if (ready.half_closed) loop->stop();
  };
  ASSERT_TRUE(loop->watch(pair.ours.get(), probe, EventLoop::Interest::read));
  ASSERT_EQ(::write(pair.theirs.get(), "hello", 5), 5);
  ASSERT_EQ(::shutdown(pair.theirs.get(), SHUT_WR), 0);
  loop->run();
  EXPECT_EQ(seen, "hello");
}

TEST(EventLoop, TellsNothingOfWhatItClosedThoughACopyIsOpen) {
  auto loop = std::move(EventLoop::make()).value();
  Pair pair;
  Probe probe(*loop);
  int told = 0;
  probe.ready_call = [&](Ready) { ++told; };
  ASSERT_TRUE(loop->watch(pair.ours.get(), probe, EventLoop::Interest::read));
  const UniqueFd copy(::dup(pair.ours.get()));
  loop->close(pair.ours);
  EXPECT_FALSE(pair.ours);
  ASSERT_EQ(::write(pair.theirs.get(), "hello", 5), 5);
  loop->stop();
  loop->run();
  EXPECT_EQ(told, 0);
}

// What is asked for at a turn's end comes in that turn: after the messages, before the burials.
TEST(EventLoop, CallsAtTheTurnsEndBeforeItBuries) {
  auto loop = std::move(EventLoop::make()).value();
  auto probe = std::make_unique<Probe>(*loop);
  Probe& asked = *probe;
  std::string order;
  asked.turn_end_call = [&] {
    order += "e";
    if (order.size() < 4) return loop->at_turn_end(asked);
    loop->stop();
  };
  loop->post([&] {
    loop->at_turn_end(asked);
    loop->bury(std::move(probe));
    order += "m";
  });
  loop->post([&] { order += "m"; });
  loop->run();
  EXPECT_EQ(order, "mmee");
}

TEST(EventLoop, RunsMessagesOfOtherThreadsInOrder) {
  auto loop = std::move(EventLoop::make()).value();
  std::vector<int> seen;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop->post([&seen, i] { seen.push_back(i); });
    loop->stop();
  });
  loop->run();
  other.join();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(EventLoop, RunsAMessageOfItsOwnThread) {
  auto loop = std::move(EventLoop::make()).value();
  int ran = 0;
  loop->post([&] {
    loop->post([&] {
      ++ran;
      loop->stop();
    });
  });
  loop->run();
  EXPECT_EQ(ran, 1);
}

TEST(EventLoop, BuriedHandlersDieAfterTheTurn) {
  auto loop = std::move(EventLoop::make()).value();
  struct Brief final : Handler {
    explicit Brief(bool& dead_flag) : dead(dead_flag) {}
    ~Brief() override { dead = true; }
    void on_ready(Ready) override {}
    bool& dead;
  };
  bool dead = false;
  loop->post([&] {
    loop->bury(std::make_unique<Brief>(dead));
    EXPECT_FALSE(dead);
    loop->stop();
  });
  loop->run();
  EXPECT_TRUE(dead);
}

TEST(Timer, FiresOnceWhenDue) {
  auto loop = std::move(EventLoop::make()).value();
  Probe probe(*loop);
  Probe end(*loop);
  const Instant began = loop->now();
  probe.timer.set(began + milliseconds(30));
  end.timer.set(began + milliseconds(90));
  Instant at{};
  probe.timer_call = [&] { at = loop->now(); };
  end.timer_call = [&] { loop->stop(); };
  loop->run();
  EXPECT_EQ(probe.fired, 1);
  EXPECT_GE(at - began, milliseconds(30));
}

TEST(Timer, LaterAndEarlierDeadlinesReplaceTheFormer) {
  auto loop = std::move(EventLoop::make()).value();
  Probe later(*loop), earlier(*loop), cleared(*loop), end(*loop);
  const Instant began = loop->now();
  later.timer.set(began + milliseconds(20));
  later.timer.set(began + std::chrono::hours(5));
  earlier.timer.set(began + std::chrono::hours(5));
  earlier.timer.set(began + milliseconds(20));
  cleared.timer.set(began + milliseconds(20));
  cleared.timer.clear();
  end.timer.set(began + milliseconds(100));
  end.timer_call = [&] { loop->stop(); };
  loop->run();
  EXPECT_EQ(later.fired, 0);
  EXPECT_EQ(earlier.fired, 1);
  EXPECT_EQ(cleared.fired, 0);
}

TEST(Timer, MayBeSetAgainAndDestroyOthersWhenItFires) {
  auto loop = std::move(EventLoop::make()).value();
  Probe again(*loop);
  std::vector<std::unique_ptr<Probe>> victims;
  const Instant due = loop->now() + milliseconds(20);
  for (int i = 0; i < 8; ++i) {
    victims.push_back(std::make_unique<Probe>(*loop));
    victims.back()->timer.set(due);
    victims.back()->timer_call = [&] { FAIL() << "a destroyed timer fired"; };
  }
  again.timer.set(due);  // linked last, so it fires first
  again.timer_call = [&] {
    victims.clear();
    if (again.fired == 3) return loop->stop();
    again.timer.set(loop->now() + milliseconds(20));
  };
  loop->run();
  EXPECT_EQ(again.fired, 3);
}

}  // namespace
}  // namespace hitless::net
