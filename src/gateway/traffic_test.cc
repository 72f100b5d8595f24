// A service's traffic policy at a real gateway: limits, sessions, pinned revisions, circuits.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

RawUpstream::Script named(const std::string& name) {
  return RawUpstream::answering([name](const RawMessage&) { return RawUpstream::ok(name); });
}

// Answers nobody before it is opened.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(k_read_seconds),
                             [&] { return waiting_ >= count; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool is_open_ = false;
};

RawUpstream::Script gated(Gate& gate) {
  return RawUpstream::answering([&gate](const RawMessage&) {
    gate.wait();
    return RawUpstream::ok("done");
  });
}

model::ServiceRoute limited(const RawUpstream& upstream, model::TrafficPolicy traffic) {
  auto route = serving({{1, 100, {endpoint("i1", upstream.address())}}});
  route.traffic = std::move(traffic);
  return route;
}

TEST(Traffic, ARateLimitAnswers429AndSaysWhen) {
  RawUpstream upstream(named("in"));
  GatewayFixture fixture({}, 2);
  ASSERT_TRUE(
      fixture.adopt({limited(upstream, {.rate = {.requests = 1, .seconds = 600, .burst = 3}})}));
  std::vector<RawConnection> clients;  // over both workers
  for (int i = 0; i < 4; ++i) clients.push_back(fixture.connect());
  std::map<int, int> statuses;
  for (int i = 0; i < 12; ++i) {
    RawConnection& client = clients[static_cast<std::size_t>(i) % clients.size()];
    client.write(request());
    const RawMessage answer = client.read_message();  // the connection stays open
    ++statuses[answer.status()];
    if (answer.status() != 429) continue;
    EXPECT_NE(answer.body.find("ModelArts.4206"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("rate limit"), std::string::npos) << answer.body;
    const int again_in = std::stoi(answer.field("retry-after"));
    EXPECT_GT(again_in, 590);
    EXPECT_LE(again_in, 600);
  }
  EXPECT_EQ(statuses[200], 3);
  EXPECT_EQ(statuses[429], 9);
  const model::Outcomes outcomes = fixture.outcomes_of(12);
  EXPECT_EQ(outcomes.rate_limited, 9U);
  EXPECT_EQ(outcomes.by_class[4], 9U);
  EXPECT_EQ(outcomes.failed, 0U);
}

TEST(Traffic, ARateLimitHoldsForItsServiceAloneAndUntilItIsTakenBack) {
  RawUpstream upstream(named("in"));
  RawUpstream other(named("other"));
  GatewayFixture fixture({}, 1);
  const char* const k_other = "99999999-2222-3333-4444-555555555555";
  const auto unlimited = serving({{1, 100, {endpoint("o1", other.address())}}}, k_other);
  const model::TrafficPolicy one{.rate = {.requests = 1, .seconds = 3600, .burst = 1}};
  ASSERT_TRUE(fixture.adopt({limited(upstream, one), unlimited}));
  EXPECT_EQ(fixture.call(request()).status(), 200);
  EXPECT_EQ(fixture.call(request()).status(), 429);
  std::string text = request();
  text.replace(text.find(k_service), std::string(k_service).size(), k_other);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.call(text).body, "other");
  // Another table of the same limit does not fill the bucket.
  auto again = limited(upstream, one);
  again.hold = std::chrono::seconds(5);
  ASSERT_TRUE(fixture.adopt({again, unlimited}));
  EXPECT_EQ(fixture.call(request()).status(), 429);
  ASSERT_TRUE(fixture.adopt({limited(upstream, {}), unlimited}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.call(request()).status(), 200);
}

TEST(Traffic, AConcurrencyLimitCountsAllWorkersAndLetsInWhenOneEnds) {
  Gate gate;
  RawUpstream upstream(gated(gate));
  GatewayFixture fixture({}, 2);
  ASSERT_TRUE(fixture.adopt({limited(upstream, {.concurrency = 3})}));
  std::vector<RawConnection> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(fixture.connect());
    inside.back().write(request());
    ASSERT_TRUE(gate.wait_for(i + 1));
  }
  for (int i = 0; i < 8; ++i) {  // whichever worker they come to
    const RawMessage answer = fixture.call(request());
    ASSERT_EQ(answer.status(), 429);
    EXPECT_EQ(answer.field("retry-after"), "1");
    EXPECT_NE(answer.body.find("ModelArts.4206"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("in progress"), std::string::npos) << answer.body;
  }
  gate.open();
  for (RawConnection& client : inside) EXPECT_EQ(client.read_message().status(), 200);
  ASSERT_EQ(fixture.outcomes_of(11).requests, 11U);  // accounted, so they have left
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.call(request()).status(), 200);
  const model::Outcomes outcomes = fixture.outcomes_of(16);
  EXPECT_EQ(outcomes.concurrency_limited, 8U);
  EXPECT_EQ(outcomes.failed, 0U);
}

// Whatever way a request ends, its place is free again.
TEST(Traffic, APlaceIsFreeAgainHoweverARequestEnds) {
  RawUpstream upstream([](RawConnection& connection) {
    while (true) {
      const RawMessage message = connection.read_message();
      if (!message.whole) return;
      if (message.body == "close") return;
      if (message.body == "cut") {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        return;
      }
      if (message.body == "stay") {
        connection.read_more();
        return;
      }
      connection.write(RawUpstream::ok("fine"));
    }
  });
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt({limited(upstream, {.concurrency = 1})}));
  std::uint64_t count = 0;
  const auto is_free = [&] {
    fixture.outcomes_of(++count);
    const bool free = fixture.call(request()).body == "fine";
    fixture.outcomes_of(++count);
    return free;
  };
  EXPECT_EQ(fixture.call(request("/", "close")).status(), 500);
  EXPECT_TRUE(is_free());
  fixture.call(request("/", "cut"));
  EXPECT_TRUE(is_free());
  {
    RawConnection client = fixture.connect();
    client.write(request("/", "stay"));
    ASSERT_TRUE(fixture.eventually([](const model::Usage& usage) {
      const auto* instance = usage.find(model::InstanceId("i1"));
      return instance != nullptr && instance->in_flight == 1;
    }));
    client.reset();
  }
  EXPECT_TRUE(is_free());
  auto held = limited(upstream, {.concurrency = 1});
  held.standing = model::Standing::not_ready;
  held.shares.clear();
  held.hold = std::chrono::milliseconds(1);
  ASSERT_TRUE(fixture.adopt({held}));
  EXPECT_EQ(fixture.call(request()).status(), 503);
  ASSERT_TRUE(fixture.adopt({limited(upstream, {.concurrency = 1})}));
  EXPECT_TRUE(is_free());
}

// What a limit let in has its place, through a hold and out of it.
TEST(Traffic, ParkedRequestsCountAndKeepTheirPlace) {
  RawUpstream upstream(named("ready"));
  GatewayFixture fixture({}, 1);
  auto held = limited(upstream, {.concurrency = 2});
  held.standing = model::Standing::not_ready;
  held.shares.clear();
  ASSERT_TRUE(fixture.adopt({held}));
  std::vector<RawConnection> parked;
  for (int i = 0; i < 2; ++i) {
    parked.push_back(fixture.connect());
    parked.back().write(request());
  }
  EXPECT_EQ(fixture.call(request()).status(), 429);
  ASSERT_TRUE(fixture.adopt({limited(upstream, {.concurrency = 1})}));
  for (RawConnection& client : parked) EXPECT_EQ(client.read_message().body, "ready");
}

std::string session_request(const std::string& session) {
  return request("/", "hello", "X-Session: " + session + "\r\n");
}

TEST(Traffic, AHeaderKeepsASessionAtItsInstanceAtAllWorkers) {
  RawUpstream a(named("a")), b(named("b")), c(named("c")), d(named("d"));
  GatewayFixture fixture({}, 2);
  auto route = serving({{1, 50, {endpoint("a", a.address()), endpoint("b", b.address())}},
                        {2, 50, {endpoint("c", c.address()), endpoint("d", d.address())}}});
  route.traffic.sticky = {model::Sticky::By::header, "X-Session"};
  ASSERT_TRUE(fixture.adopt({route}));
  std::vector<RawConnection> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(fixture.connect());
  std::map<std::string, int> seen;
  for (int session = 0; session < 40; ++session) {
    std::string first;
    for (RawConnection& client : clients) {
      client.write(session_request(std::to_string(session)));
      const std::string instance = client.read_message().body;
      if (first.empty()) first = instance;
      ASSERT_EQ(instance, first) << "session " << session;
    }
    ++seen[first];
  }
  EXPECT_EQ(seen.size(), 4U);
  // Those that say nothing take turns, by the weights.
  std::map<std::string, int> turns;
  for (int i = 0; i < 20; ++i) ++turns[fixture.call(request()).field("x-hitless-revision")];
  EXPECT_EQ(turns["1"], 10);
  EXPECT_EQ(turns["2"], 10);
  EXPECT_EQ(fixture.outcomes_of(260).failed, 0U);
}

TEST(Traffic, ACookieIsSetOnceAndKeepsTheSessionAtItsInstance) {
  RawUpstream a(named("a")), b(named("b")), c(named("c"));
  GatewayFixture fixture({}, 2);
  auto route = serving(
      {{1,
        100,
        {endpoint("a", a.address()), endpoint("b", b.address()), endpoint("c", c.address())}}});
  route.traffic.sticky = {model::Sticky::By::cookie, "sid"};
  ASSERT_TRUE(fixture.adopt({route}));
  std::map<std::string, int> seen;
  for (int session = 0; session < 30; ++session) {
    const RawMessage first = fixture.call(request());
    const std::string cookie = first.field("set-cookie");
    ASSERT_TRUE(cookie.starts_with("sid=")) << cookie;
    EXPECT_NE(cookie.find("; Path=/v1/infers/" + std::string(k_service) + "; HttpOnly"),
              std::string::npos)
        << cookie;
    const std::string pair = cookie.substr(0, cookie.find(';'));
    for (int i = 0; i < 3; ++i) {
      const RawMessage next = fixture.call(request("/", "x", "Cookie: a=b; " + pair + "\r\n"));
      ASSERT_EQ(next.body, first.body);
      ASSERT_EQ(next.field("set-cookie"), "");
    }
    ++seen[first.body];
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST(Traffic, AHeaderPinsATesterToARevision) {
  RawUpstream old_one(named("old")), new_one(named("new"));
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt({serving({{7, 100, {endpoint("o", old_one.address())}},
                                      {8, 0, {endpoint("n", new_one.address())}}})}));
  const auto pinned = [&](const std::string& revision) {
    return fixture.call(request("/", "x", "X-Hitless-Revision: " + revision + "\r\n"));
  };
  for (int i = 0; i < 5; ++i) {
    const RawMessage tester = pinned("8");
    EXPECT_EQ(tester.body, "new");
    EXPECT_EQ(tester.field("x-hitless-revision"), "8");
    EXPECT_EQ(pinned("7").body, "old");
    EXPECT_EQ(fixture.call(request()).body, "old");
  }
  const RawMessage absent = pinned("9");
  EXPECT_EQ(absent.status(), 404);
  EXPECT_NE(absent.body.find("X-Hitless-Revision"), std::string::npos);
  for (const char* wrong : {"new", "-1", "0", "8x", "99999999999999999999"}) {
    EXPECT_EQ(pinned(wrong).status(), 400) << wrong;
  }
  // Without a token nobody learns what there is.
  std::string bare = request("/", "x", "X-Hitless-Revision: 8\r\n");
  bare.replace(bare.find("test-token"), 10, "none-token");
  EXPECT_EQ(fixture.call(bare).status(), 401);
  EXPECT_EQ(fixture.outcomes_of(16).failed, 0U);
}

// The instance does not hear of it: it is between the client and the gateway.
TEST(Traffic, ThePinIsNotPassedOn) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& message) {
    return RawUpstream::ok(std::string(message.field("x-hitless-revision")));
  }));
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  EXPECT_EQ(fixture.call(request("/", "x", "X-Hitless-Revision: 1\r\n")).body, "");
}

TEST(Traffic, ACircuitOpensShowsInTheCountersAndClosesAgain) {
  std::atomic<bool> is_well = false;
  std::atomic<int> calls = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    while (true) {
      const RawMessage message = connection.read_message();
      if (!message.whole) return;
      ++calls;
      if (!is_well) return;  // taken and not answered
      connection.write(RawUpstream::ok("well"));
    }
  });
  GatewayFixture fixture({}, 1);
  const model::TrafficPolicy traffic{
      .breaker = {.failures = 3, .open = std::chrono::milliseconds(300)}};
  ASSERT_TRUE(fixture.adopt({limited(upstream, traffic)}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fixture.call(request()).status(), 500);
  ASSERT_TRUE(fixture.eventually([](const model::Usage& usage) {
    const auto* instance = usage.find(model::InstanceId("i1"));
    return instance != nullptr && instance->circuits_open == 1 && instance->circuit_opened == 1;
  }));
  const RawMessage refused = fixture.call(request());
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.field("retry-after"), "1");
  EXPECT_EQ(calls, 3);
  is_well = true;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  RawMessage answer = fixture.call(request());
  while (answer.status() == 503 && std::chrono::steady_clock::now() < deadline) {
    answer = fixture.call(request());
  }
  EXPECT_EQ(answer.body, "well");
  EXPECT_TRUE(fixture.eventually([](const model::Usage& usage) {
    const auto* instance = usage.find(model::InstanceId("i1"));
    return instance != nullptr && instance->circuits_open == 0 && instance->circuit_opened == 1;
  }));
  EXPECT_GE(fixture.outcomes_of(5).circuit_open, 1U);
}

TEST(Traffic, WithoutABreakerNothingIsKeptFromAnInstance) {
  std::atomic<int> calls = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    ++calls;
  });
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fixture.call(request()).status(), 500);
  EXPECT_EQ(calls, 10);
}

model::ServiceRoute not_ready() {
  return {.service = model::ServiceId(k_service),
          .standing = model::Standing::not_ready,
          .balance = model::Balance::round_robin,
          .shares = {}};
}

// The bound is the service's, over all workers: not a part of it for each.
TEST(Traffic, AHoldHasRoomForSoManyOverAllWorkers) {
  Limits limits;
  limits.held_requests_max = 3;
  limits.hold_timeout = std::chrono::seconds(60);
  GatewayFixture fixture(limits, 2);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  std::vector<RawConnection> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(fixture.connect());
    clients.back().write(request());
  }
  // Six are told at once; they are read by who is readable.
  EXPECT_EQ(fixture.outcomes_of(6).requests, 6U);
  RawUpstream upstream(named("ready"));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  int full = 0;
  int served = 0;
  for (RawConnection& client : clients) {
    const RawMessage answer = client.read_message();
    full += answer.status() == 503 && answer.field("retry-after") == "1" ? 1 : 0;
    served += answer.body == "ready" ? 1 : 0;
  }
  EXPECT_EQ(full, 6);
  EXPECT_EQ(served, 3);
}

TEST(Traffic, AHoldHasRoomForSoManyBytes) {
  Limits limits;
  limits.held_bytes_max = 10'000;
  limits.hold_timeout = std::chrono::seconds(60);
  GatewayFixture fixture(limits, 2);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  const std::string large(6'000, 'x');
  RawConnection first = fixture.connect();
  first.write(request("/", large));
  RawConnection second = fixture.connect();
  second.write(request("/", large));
  EXPECT_EQ(fixture.outcomes_of(1).requests, 1U);  // one of the two is refused …
  RawConnection small = fixture.connect();
  small.write(request());  // … and there is room for this one
  fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(fixture.outcomes_of(1).requests, 1U);
  RawUpstream upstream(named("ready"));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const RawMessage one = first.read_message();
  const RawMessage other = second.read_message();
  EXPECT_EQ(std::minmax(one.status(), other.status()), std::minmax(200, 503));
  EXPECT_EQ((one.status() == 503 ? one : other).field("retry-after"), "1");
  EXPECT_EQ(small.read_message().body, "ready");
}

// Of one worker: several have no order among each other.
TEST(Traffic, HeldRequestsGoOutInTheOrderInWhichTheyCame) {
  const Address any{.host = "127.0.0.1", .port = 0, .path = {}};
  const UniqueFd listener = std::move(net::listen_on(any)).value();
  ::fcntl(listener.get(), F_SETFL, 0);  // blocking
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  std::vector<RawConnection> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(fixture.connect());
    clients.back().write(request("/", std::to_string(i)));
    // Answered by the only worker after it: it is parked by now.
    fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  ASSERT_TRUE(fixture.adopt(
      {serving({{1, 100, {endpoint("i1", *net::local_address(listener.get(), any))}}})}));
  // The kernel keeps connections in the order in which they were made.
  for (int i = 0; i < 20; ++i) {
    RawConnection connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_EQ(connection.read_message().body, std::to_string(i));
    connection.write(RawUpstream::ok("ready"));
    ASSERT_EQ(clients[static_cast<std::size_t>(i)].read_message().body, "ready");
  }
}

}  // namespace
}  // namespace hitless::gateway
