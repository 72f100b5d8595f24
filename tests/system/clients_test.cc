// The real gateway with slow clients by the thousand, and others that mean well.
//
// HITLESS_LONG=1: slowhttptest with as many connections as there may be, and each crowd for a
// minute.
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/gateway_process.h"
#include "tests/support/slow_crowd.h"

namespace hitless::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool is_long() {
  return std::getenv("HITLESS_LONG") != nullptr;
}

// Beyond Limits::connections_max, so that most of the test is about who may stay.
constexpr std::size_t k_crowd = 13'000;

// Clients that call one after the other: one on a connection that it keeps, one that opens another
// each time.  Each call's outcome is counted.
class Others {
 public:
  explicit Others(const Address& gateway) : gateway_(gateway) {
    threads_.emplace_back([this] { call_on_one(); });
    threads_.emplace_back([this] { call_on_many(); });
  }
  ~Others() { stop(); }

  // Ends the calls and says how they went.
  void expect_all_served(std::size_t least) {
    stop();
    EXPECT_GE(served_, least);
    EXPECT_EQ(failed_, 0U) << last_failure_;
    EXPECT_LT(slowest_.load(), milliseconds(2000));
    std::printf("[  others  ] %zu served, %zu failed, slowest %lld ms\n", served_.load(),
                failed_.load(), static_cast<long long>(slowest_.load().count()));
  }
  std::size_t served() const { return served_; }

 private:
  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void call(RawConnection& connection, const std::string& body) {
    const auto began = Clock::now();
    connection.write(request("/", body));
    const RawMessage answer = connection.read_message();
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    if (answer.whole && answer.status() == 200 && answer.body == body) {
      ++served_;
    } else {
      ++failed_;
      const std::lock_guard<std::mutex> lock(mutex_);
      last_failure_ = answer.wire + " errno " + std::to_string(connection.last_error());
    }
    milliseconds slowest = slowest_;
    while (took > slowest && !slowest_.compare_exchange_weak(slowest, took)) {
    }
  }

  void call_on_one() {
    RawConnection connection = RawConnection::connect(gateway_);
    for (std::size_t i = 0; !stopping_; ++i) call(connection, "one " + std::to_string(i));
  }
  void call_on_many() {
    for (std::size_t i = 0; !stopping_; ++i) {
      RawConnection connection = RawConnection::connect(gateway_);
      call(connection, "many " + std::to_string(i));
    }
  }

  const Address gateway_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> served_ = 0;
  std::atomic<std::size_t> failed_ = 0;
  std::atomic<milliseconds> slowest_ = milliseconds(0);
  std::mutex mutex_;
  std::string last_failure_;
  std::vector<std::thread> threads_;
};

class SlowClients : public ::testing::Test {
 protected:
  SlowClients()
      : large_(1024UL * 1024, 'x'),
        upstream_(RawUpstream::answering([this](const RawMessage& asked) {
          const bool is_large = asked.start_line().find("/large") != std::string::npos;
          if (is_large) ++large_asked_;
          return RawUpstream::ok(is_large ? large_ : asked.body);
        })) {}

  void SetUp() override { ASSERT_TRUE(gateway_.start(upstream_.address())); }

  // The crowd is there, as far as the gateway lets it, and the others are served all the while.
  void expect_others_served(std::size_t size, const SlowManner& manner) {
    SlowCrowd crowd(gateway_.address(), size, manner);
    const std::size_t let_in = std::min<std::size_t>(size, 8000);
    EXPECT_TRUE(tests::eventually([&] { return crowd.standing() >= let_in; }))
        << crowd.standing() << " of " << size << ", " << crowd.unable() << " unable";
    if (!manner.reads) {
      EXPECT_TRUE(tests::eventually([&] { return large_asked_ >= let_in; })) << large_asked_;
    }
    Others others(gateway_.address());
    const auto end = Clock::now() + std::chrono::seconds(is_long() ? 60 : 2);
    EXPECT_TRUE(tests::eventually([&] { return Clock::now() >= end && others.served() >= 200; }));
    EXPECT_GE(crowd.standing(), let_in) << "the crowd has gone";
    others.expect_all_served(200);
    std::printf("[  crowd   ] %zu opened, %zu turned out, %zu there\n", crowd.opened(),
                crowd.ended(), crowd.standing());
    // Who says nothing is kept back by the kernel for a while (TCP_DEFER_ACCEPT).
    if (size == k_crowd && !manner.first.empty()) {
      EXPECT_GT(crowd.ended(), 0U) << "nobody had to make room";
      EXPECT_NE(gateway_.log().find("connections_full"), std::string::npos);
    }
  }

  const std::string large_;
  std::atomic<std::size_t> large_asked_ = 0;
  RawUpstream upstream_;
  GatewayProcess gateway_;
};

TEST_F(SlowClients, ThatSendTheirHeadsByteByByteStopNobody) {
  const std::string text = request("/", "hello");
  expect_others_served(k_crowd,
                       {.first = text.substr(0, text.find("\r\n") + 2), .drip = "X: a\r\n"});
}

TEST_F(SlowClients, ThatSendNothingStopNobody) {
  expect_others_served(k_crowd, {.first = "", .drip = ""});
}

TEST_F(SlowClients, ThatSendTheirBodiesByteByByteStopNobody) {
  const std::string text = request("/", std::string(4096, 'x'));
  expect_others_served(k_crowd, {.first = text.substr(0, text.find("\r\n\r\n") + 4), .drip = "x"});
}

TEST_F(SlowClients, ThatCallOnceAndStayStopNobody) {
  expect_others_served(k_crowd, {.first = request("/", "hello"), .drip = ""});
}

TEST_F(SlowClients, ThatDoNotReadTheirAnswersStopNobody) {
  expect_others_served(
      is_long() ? 2000 : 300,
      {.first = request("/large", "hello"), .drip = "", .receive_buffer = 4096, .reads = false});
}

// What it does, it says: -H heads, -B bodies, -X answers that are read slowly.
TEST_F(SlowClients, OfSlowhttptestStopNobody) {
  const auto folder = std::move(TemporaryDirectory::make("slowhttptest")).value();
  const std::string connections = is_long() ? "9500" : "1000";
  const std::string seconds = is_long() ? "60" : "3";
  const std::string url = "http://" + to_text(gateway_.address()) + "/v1/infers/" + k_service + "/";
  const std::vector<std::vector<std::string>> modes = {
      {"-H", "-i", "1", "-x", "24"},
      {"-B", "-i", "1", "-s", "8192", "-x", "10"},
      {"-X", "-n", "1", "-w", "512", "-y", "1024", "-z", "32", "-k", "10"},
  };
  for (const std::vector<std::string>& mode : modes) {
    std::vector<std::string> command = {"/usr/bin/slowhttptest",
                                        "-c",
                                        connections,
                                        "-r",
                                        "1000",
                                        "-l",
                                        seconds,
                                        "-p",
                                        "3",
                                        "-u",
                                        url};
    command.insert(command.end(), mode.begin(), mode.end());
    Others others(gateway_.address());
    tests::ChildProcess slow({.arguments = command, .environment = {}, .folder = folder.path()});
    EXPECT_EQ(slow.wait(120'000), 0) << slow.output() << slow.errors();
    others.expect_all_served(200);
    const std::string said = slow.output();
    EXPECT_NE(said.find("slow HTTP test"), std::string::npos) << said;
    EXPECT_EQ(said.find("NO"), std::string::npos) << mode.front() << ": " << said;
  }
}

// Fewer descriptors than both sides of all clients would take: idle clients make room for the
// requests of others, at each worker by itself, and no instance is blamed for what we lack.
TEST(FewDescriptors, GoToRequestsBeforeIdleClients) {
  constexpr rlim_t k_descriptors = 200;
  constexpr std::size_t k_idle = 120;
  constexpr std::size_t k_calls = 60;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t waiting = 0;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& asked) {
    if (asked.body == "together") {
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait_for(lock, std::chrono::seconds(k_read_seconds),
                       [&] { return waiting == k_calls; });
    }
    return RawUpstream::ok(asked.body);
  }));
  GatewayProcess gateway(1);
  ASSERT_TRUE(gateway.start(upstream.address()));
  const rlimit few{.rlim_cur = k_descriptors, .rlim_max = k_descriptors};
  ASSERT_EQ(::prlimit(gateway.pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<RawConnection> idle;
  for (std::size_t i = 0; i < k_idle; ++i) {
    idle.push_back(RawConnection::connect(gateway.address()));
    idle.back().write(request());
    ASSERT_EQ(idle.back().read_message().status(), 200) << i;
  }
  // Whoever has just been answered may be about to ask again.
  const auto since = Clock::now();
  ASSERT_TRUE(tests::eventually([&] {
    return Clock::now() - since > gateway::Limits().crowded_patience + milliseconds(200);
  }));
  std::vector<RawConnection> calls;
  for (std::size_t i = 0; i < k_calls; ++i) {
    calls.push_back(RawConnection::connect(gateway.address()));
    calls.back().write(request("/", "together"));
  }
  for (RawConnection& call : calls) EXPECT_EQ(call.read_message().body, "together");
  EXPECT_TRUE(tests::eventually([&] { return gateway.usage().find(model::InstanceId("i1")); }));
  for (const model::InstanceUsage& each : gateway.usage().instances) {
    EXPECT_EQ(each.connect_failures, 0U);
  }
}

}  // namespace
}  // namespace hitless::testing
