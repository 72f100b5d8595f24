// One gateway takes the place of another: sockets, table, counts, and what either does when the
// other one dies.  Both live in this process; that the processes may be killed is a system test.
#include <gtest/gtest.h>
#include <poll.h>

#include "gateway/footing.h"
#include "gateway/worker.h"
#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

constexpr Duration k_patience = std::chrono::seconds(k_read_seconds);

// An instance that answers "late" when it is let go, and other paths at once.
class Gated {
 public:
  Gated()
      : upstream_(RawUpstream::answering([this](const RawMessage& message) {
          if (message.head.find(" /late ") == std::string::npos) return RawUpstream::ok("now");
          std::unique_lock<std::mutex> lock(mutex_);
          changed_.wait(lock, [this] { return is_open_; });
          return RawUpstream::ok("late");
        })) {}
  ~Gated() { open(); }

  void open() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_open_ = true;
    }
    changed_.notify_all();
  }
  const RawUpstream& upstream() const { return upstream_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  RawUpstream upstream_;
};

class Handover : public ::testing::Test {
 protected:
  explicit Handover(Limits limits = {}) : fixture_(limits) {}

  GatewayOptions next_options(Duration patience = k_patience) const {
    GatewayOptions options = fixture_.options();
    options.take_over = patience;
    options.workers = 0;
    return options;
  }
  // The next gateway, when it serves.
  static std::unique_ptr<Gateway> next(const GatewayOptions& options) {
    auto made = Gateway::start(options);
    if (!made) {
      ADD_FAILURE() << made.error().text();
      std::abort();  // nothing below makes sense, and what waits would wait for long
    }
    const auto settled = (*made)->wait_settled();
    EXPECT_TRUE(settled) << settled.error().text();
    return std::move(*made);
  }
  std::unique_ptr<Gateway> next() const { return next(next_options()); }
  // Replaces the one that serves and ends it, as its process would.
  void replace(std::unique_ptr<Gateway>& last, const GatewayOptions& options) {
    auto made = next(options);
    EXPECT_TRUE(has_ended(last == nullptr ? fixture_.gateway() : *last));
    if (last == nullptr) fixture_.stop_gateway();
    last = std::move(made);
  }
  static bool has_ended(const Gateway& gateway, Duration within = k_patience) {
    pollfd wait{.fd = gateway.shutdown_event(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, static_cast<int>(within.count() / 1000)) == 1;
  }
  static std::uint64_t in_flight(const model::Usage& usage, const char* instance) {
    const model::InstanceUsage* found = usage.find(model::InstanceId(instance));
    return found == nullptr ? 0 : found->in_flight;
  }
  RawConnection begin_late() {
    RawConnection busy = fixture_.connect();
    busy.write(request("/late"));
    EXPECT_TRUE(
        fixture_.eventually([](const model::Usage& usage) { return in_flight(usage, "i1") == 1; }));
    return busy;
  }
  void call_times(int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(fixture_.call(request()).body, "now");
  }

  Gated gated_;
  GatewayFixture fixture_;
};

TEST_F(Handover, TheNextOneServesInTheSamePlaceWithTheSameTable) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  const std::string counts = fixture_.client().usage().gateway;
  const auto next_one = next();
  EXPECT_EQ(next_one->address(), fixture_.address());
  EXPECT_TRUE(has_ended(fixture_.gateway()));
  fixture_.gateway().stop(Duration(0));
  call_times(3);
  EXPECT_EQ(fixture_.outcomes_of(3).requests, 3U);
  EXPECT_EQ(fixture_.client().usage().gateway, counts);
  EXPECT_EQ(fixture_.client().usage().adopted, 1U);
}

TEST_F(Handover, ControlIsNeverWithoutAGateway) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  std::atomic<bool> over = false;
  std::atomic<int> without = 0;
  std::thread watcher([&] {
    while (!over) {
      if (!fixture_.client().attached() || fixture_.client().usage().adopted == 0) ++without;
    }
  });
  std::unique_ptr<Gateway> last;
  for (int i = 0; i < 5; ++i) replace(last, next_options());
  over = true;
  watcher.join();
  EXPECT_EQ(without, 0);
}

TEST_F(Handover, WhatAllOfAChainCountedIsOneSum) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  call_times(3);
  std::unique_ptr<Gateway> last;
  replace(last, next_options());
  call_times(4);
  replace(last, next_options());
  call_times(1);
  const model::Outcomes sum = fixture_.outcomes_of(8);
  EXPECT_EQ(sum.requests, 8U);
  EXPECT_EQ(sum.by_class[2], 8U);
  // A serve that was not there meanwhile reads the same.
  fixture_.stop_client();
  fixture_.start_client();
  EXPECT_EQ(fixture_.outcomes_of(8).requests, 8U);
}

TEST_F(Handover, ARequestOnTheOldOneIsSeenUntilItEndsThere) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  RawConnection busy = begin_late();
  const auto next_one = next();
  call_times(1);
  ASSERT_TRUE(
      fixture_.eventually([](const model::Usage& usage) { return in_flight(usage, "i1") == 1; }));
  // The instance leaves the table of both; its request is what it still has.
  RawUpstream other(RawUpstream::answering([](const auto&) { return RawUpstream::ok("other"); }));
  ASSERT_TRUE(fixture_.adopt({serving({{2, 100, {endpoint("i2", other.address())}}})}));
  EXPECT_EQ(in_flight(fixture_.client().usage(), "i1"), 1U);
  EXPECT_EQ(fixture_.call(request()).body, "other");
  EXPECT_FALSE(has_ended(fixture_.gateway(), Duration(0)));
  gated_.open();
  const RawMessage answer = busy.read_message();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_TRUE(fixture_.eventually(
      [](const model::Usage& usage) { return usage.find(model::InstanceId("i1")) == nullptr; }));
  EXPECT_TRUE(has_ended(fixture_.gateway()));
}

TEST_F(Handover, AKeptConnectionIsServedOnceMoreAndThenClosed) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  RawConnection kept = fixture_.connect();
  kept.write(request());
  EXPECT_EQ(kept.read_message().field("connection"), "");
  const auto next_one = next();
  // The old one still has it, with a table that has changed since.
  RawUpstream other(RawUpstream::answering([](const auto&) { return RawUpstream::ok("other"); }));
  ASSERT_TRUE(fixture_.adopt({serving({{2, 100, {endpoint("i2", other.address())}}})}));
  kept.write(request());
  const RawMessage answer = kept.read_message();
  EXPECT_EQ(answer.body, "other");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(kept.read_all(), "");
  EXPECT_EQ(kept.last_error(), 0) << "a reset";
  EXPECT_TRUE(has_ended(fixture_.gateway()));
}

Limits short_spread() {
  Limits limits;
  limits.leave_spread = std::chrono::milliseconds(600);
  return limits;
}
class SpreadHandover : public Handover {
 protected:
  SpreadHandover() : Handover(short_spread()) {}
};

TEST_F(SpreadHandover, IdleConnectionsAreClosedOneAfterTheOther) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  constexpr int k_connections = 24;
  std::vector<RawConnection> idle;
  for (int i = 0; i < k_connections; ++i) {
    idle.push_back(fixture_.connect());
    idle.back().write(request());
    ASSERT_EQ(idle.back().read_message().status(), 200);
  }
  const auto next_one = next();
  std::vector<pollfd> waits;
  for (const RawConnection& each : idle) waits.push_back({.fd = each.fd(), .events = POLLIN});
  int at_once_most = 0;
  for (int left = k_connections; left > 0;) {
    ASSERT_GT(::poll(waits.data(), waits.size(), k_read_seconds * 1000), 0);
    int at_once = 0;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0) continue;
      EXPECT_EQ(waits[i].revents & POLLERR, 0) << "a reset";
      EXPECT_EQ(idle[i].read_all(), "");
      EXPECT_EQ(idle[i].last_error(), 0);
      idle[i].close();
      waits[i].fd = -1;
      ++at_once;
    }
    left -= at_once;
    at_once_most = std::max(at_once_most, at_once);
  }
  EXPECT_LE(at_once_most, k_connections / 2);
  EXPECT_TRUE(has_ended(fixture_.gateway()));
}

TEST_F(Handover, HeldRequestsOfTheOldOneGoOnWithTheNextTable) {
  model::ServiceRoute waiting = serving({});
  waiting.standing = model::Standing::not_ready;
  ASSERT_TRUE(fixture_.adopt({waiting}));
  RawConnection held = fixture_.connect();
  held.write(request());
  const auto next_one = next();
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  EXPECT_EQ(held.read_message().body, "now");
}

TEST_F(Handover, WhenTheNextOneDiesTheOldOneServesAgainAndNothingIsCountedTwice) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  call_times(3);
  RawConnection busy = begin_late();  // so that the old one stays
  auto next_one = next();
  call_times(4);
  ASSERT_EQ(fixture_.outcomes_of(7).requests, 7U);
  next_one.reset();
  call_times(2);
  gated_.open();
  EXPECT_EQ(busy.read_message().body, "late");
  EXPECT_EQ(fixture_.outcomes_of(10).requests, 10U);
  EXPECT_FALSE(has_ended(fixture_.gateway(), Duration(0)));
  // It can be replaced as before.
  const auto another = next();
  call_times(1);
  EXPECT_EQ(fixture_.outcomes_of(11).requests, 11U);
}

TEST_F(Handover, WhenTheOldOneDiesNothingIsInFlightThereAnyMore) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  RawConnection busy = begin_late();
  const auto next_one = next();
  ASSERT_TRUE(
      fixture_.eventually([](const model::Usage& usage) { return in_flight(usage, "i1") == 1; }));
  fixture_.stop_gateway();
  EXPECT_TRUE(
      fixture_.eventually([](const model::Usage& usage) { return in_flight(usage, "i1") == 0; }));
  call_times(2);
}

TEST_F(Handover, ASecondReplacementWaitsForTheFirstOrSaysWhyNot) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  RawConnection busy = begin_late();
  const auto second = next();
  const auto refused = Gateway::start(next_options(std::chrono::milliseconds(50)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_NE(refused.error().text().find("still ends its requests"), std::string::npos)
      << refused.error().text();
  std::unique_ptr<Gateway> third;
  std::thread waiting([&] { third = next(); });
  gated_.open();
  EXPECT_EQ(busy.read_message().body, "late");
  EXPECT_TRUE(has_ended(fixture_.gateway()));
  fixture_.stop_gateway();
  waiting.join();
  EXPECT_TRUE(has_ended(*second));
  call_times(1);
}

TEST_F(Handover, OneThatGivesUpBeforeItIsReadyChangesNothing) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  for (int i = 0; i < 3; ++i) {
    const auto footing = take_footing(next_options());  // the sockets, and not a word more
    ASSERT_TRUE(footing) << footing.error().text();
    EXPECT_EQ(footing->address, fixture_.address());
  }
  call_times(2);
  const auto next_one = next();
  call_times(2);
}

TEST_F(Handover, WithNobodyThereItSaysSo) {
  GatewayOptions options = next_options();
  options.control_socket = options.control_socket.parent_path() / "elsewhere.sock";
  const auto refused = Gateway::start(options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("no gateway runs here"), std::string::npos);
}

TEST_F(Handover, AnotherNumberOfWorkersSharesTheSameListeners) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  std::unique_ptr<Gateway> last;
  for (const std::size_t workers : {1U, 5U, 3U}) {
    GatewayOptions options = next_options();
    options.workers = workers;
    replace(last, options);
    call_times(20);
  }
}

TEST_F(Handover, TheEndOfTheNextOneIsTheEndOfBoth) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  RawConnection busy = begin_late();
  const auto next_one = next();
  fixture_.client().shut_down(std::chrono::milliseconds(10));
  ASSERT_TRUE(has_ended(*next_one));
  std::thread stopper([&] { next_one->stop(std::chrono::milliseconds(10)); });
  ASSERT_TRUE(has_ended(fixture_.gateway()));
  fixture_.gateway().stop(*fixture_.gateway().shutdown_budget());
  fixture_.stop_gateway();
  stopper.join();
  EXPECT_FALSE(busy.read_message().whole);
}

// The kernel may tell of a connection and of the leaving in one go: a worker that has left would
// take a connection that nobody ends.
TEST(Leaving, AConnectionInTheSameTurnIsForWhoeverTakesOver) {
  const Address any{.host = "127.0.0.1", .port = 0, .path = {}};
  const UniqueFd listener = std::move(net::listen_on(any)).value();
  Worker::Sockets sockets;
  sockets.plain.push_back(std::move(net::copy_of(listener.get())).value());
  const GatewayOptions options{.listen = any, .workers = 1};
  const auto worker =
      std::move(Worker::make(0, options, std::move(sockets), [](WorkerReading) {})).value();
  ASSERT_TRUE(worker->accept_connections());
  worker->post([&] { worker->leave(k_patience, [&] { worker->stop(); }); });
  RawConnection client = RawConnection::connect(*net::local_address(listener.get(), any));
  client.write(request());
  worker->run();
  EXPECT_EQ(worker->load().connections, 0U);
  EXPECT_TRUE(UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)));
}

TEST_F(Handover, TwentyUnderLoadLoseNothing) {
  ASSERT_TRUE(fixture_.adopt_one(gated_.upstream()));
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&] {
      while (!over && bad == 0) {
        RawConnection client = fixture_.connect();
        for (bool kept = true; kept && !over;) {
          client.write(request("/", "payload"));
          const RawMessage answer = client.read_message();
          ++(answer.status() == 200 && answer.whole ? good : bad);
          kept = answer.whole && answer.field("connection") != "close";
        }
      }
    });
  }
  std::unique_ptr<Gateway> last;
  for (int i = 0; i < 20; ++i) {
    const int before = good;
    replace(last, next_options());
    while (good < before + 50 && bad == 0) std::this_thread::yield();
  }
  over = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  const auto count = static_cast<std::uint64_t>(good.load());
  EXPECT_EQ(fixture_.outcomes_of(count).requests, count);
}

}  // namespace
}  // namespace hitless::gateway
