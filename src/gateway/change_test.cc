// What happens to requests while the table, the instances or control change.
#include <gtest/gtest.h>

#include <poll.h>

#include <random>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

RawUpstream::Script named(const std::string& name, std::atomic<int>* count = nullptr) {
  return RawUpstream::answering([name](const RawMessage&) { return RawUpstream::ok(name); }, count);
}

model::ServiceRoute not_ready() {
  return {.service = model::ServiceId(k_service),
          .standing = model::Standing::not_ready,
          .balance = model::Balance::round_robin,
          .shares = {}};
}

TEST(Change, WeightsAreExactOverAnyThousandRequests) {
  RawUpstream a(named("a")), b(named("b")), c(named("c"));
  GatewayFixture fixture({}, 2);
  ASSERT_TRUE(fixture.adopt({serving({{1, 85, {endpoint("a", a.address())}},
                                      {2, 10, {endpoint("b", b.address())}},
                                      {3, 5, {endpoint("c", c.address())}},
                                      {4, 0, {}}})}));
  std::vector<RawConnection> clients;  // spread over the workers by the kernel
  for (int i = 0; i < 8; ++i) clients.push_back(fixture.connect());
  std::map<std::string, int> counts;
  for (int i = 0; i < 1000; ++i) {
    RawConnection& client = clients[static_cast<std::size_t>(i) % clients.size()];
    client.write(request());
    ++counts[client.read_message().body];
  }
  EXPECT_NEAR(counts["a"], 850, 1);
  EXPECT_NEAR(counts["b"], 100, 1);
  EXPECT_NEAR(counts["c"], 50, 1);
}

TEST(Change, RoundRobinAndLeastConnectionsAndSourceIpPickAsTheySay) {
  RawUpstream a(named("a")), b(named("b"));
  GatewayFixture fixture({}, 1);
  for (const auto balance : {model::Balance::round_robin, model::Balance::least_connections,
                             model::Balance::source_ip}) {
    auto route = serving({{1, 1, {endpoint("a", a.address()), endpoint("b", b.address())}}});
    route.balance = balance;
    ASSERT_TRUE(fixture.adopt({route}));
    std::map<std::string, int> counts;
    for (int i = 0; i < 20; ++i) ++counts[fixture.call(request()).body];
    if (balance == model::Balance::source_ip) {
      EXPECT_EQ(counts.size(), 1U);
    } else {
      EXPECT_EQ(counts["a"], 10);
      EXPECT_EQ(counts["b"], 10);
    }
  }
}

TEST(Change, ARefusedConnectionIsReplayedElsewhereAndReported) {
  const Nowhere nowhere;
  RawUpstream good(named("good"));
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt(
      {serving({{1, 1, {endpoint("bad", nowhere.address()), endpoint("good", good.address())}}})}));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(fixture.call(request()).body, "good");
  ASSERT_TRUE(fixture.eventually([](const model::Usage& usage) {
    const auto* bad = usage.find(model::InstanceId("bad"));
    return bad != nullptr && bad->connect_failures >= 1;
  }));
  const model::Outcomes outcomes = fixture.outcomes_of(10);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_GE(outcomes.retried, 1U);
}

TEST(Change, AShareWhoseEndpointsAllRefuseGivesItsRequestsToTheOthers) {
  const Nowhere nowhere;
  RawUpstream good(named("good"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 50, {endpoint("bad", nowhere.address())}},
                                      {2, 50, {endpoint("good", good.address())}}})}));
  for (int i = 0; i < 10; ++i) {
    const RawMessage answer = fixture.call(request());
    ASSERT_EQ(answer.body, "good");
    ASSERT_EQ(answer.field("x-hitless-revision"), "2");
  }
}

// Instances that crash together refuse for the moment until the next table comes.
TEST(Change, WhenEveryEndpointRefusesRequestsWaitForTheNextTable) {
  const Nowhere nowhere;
  RawUpstream good(named("good"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 1, {endpoint("bad", nowhere.address())}}})}));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_TRUE(fixture.eventually([](const model::Usage& usage) {
    const auto* bad = usage.find(model::InstanceId("bad"));
    return bad != nullptr && bad->connect_failures >= 2;  // it is tried again by itself, too
  }));
  ASSERT_TRUE(fixture.adopt({serving({{1, 1, {endpoint("good", good.address())}}})}));
  EXPECT_EQ(client.read_message().body, "good");
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.held, 1U);
}

TEST(Change, WhenEveryEndpointGoesOnRefusingTheClientIsToldToTryAgain) {
  const Nowhere nowhere;
  gateway::Limits limits;
  limits.hold_timeout = std::chrono::milliseconds(120);
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt({serving({{1, 1, {endpoint("bad", nowhere.address())}}})}));
  const RawMessage answer = fixture.call(request());
  EXPECT_EQ(answer.status(), 503);
  EXPECT_NE(answer.body.find("ModelArts.4302"), std::string::npos);
  EXPECT_EQ(answer.field("retry-after"), "1");
  EXPECT_EQ(fixture.outcomes_of(1).failed, 1U);
}

// The keep-alive race, provoked: the instance closes each kept connection at the moment of the next
// request, without reading it.
TEST(Change, ADeadKeptConnectionIsReplayedOnceAndNothingTwice) {
  for (const bool reset : {false, true}) {
    std::atomic<int> taken = 0;
    RawUpstream upstream([&](RawConnection& connection) {
      if (!connection.read_message().whole) return;
      ++taken;
      connection.write(RawUpstream::ok("answer"));
      pollfd wait{.fd = connection.fd(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, k_read_seconds * 1000);  // the next request is here, and stays unread
      if (reset) connection.reset();
    });
    GatewayFixture fixture;
    ASSERT_TRUE(fixture.adopt_one(upstream));
    RawConnection client = fixture.connect();
    for (int i = 0; i < 50; ++i) {
      client.write(request("/", "body " + std::to_string(i)));
      ASSERT_EQ(client.read_message().body, "answer") << i;
    }
    EXPECT_EQ(taken, 50);
    const model::Outcomes outcomes = fixture.outcomes_of(50);
    EXPECT_EQ(outcomes.requests, 50U);
    EXPECT_EQ(outcomes.failed, 0U);
    EXPECT_EQ(outcomes.retried, 49U);
  }
}

// Clients that send head and body apart have the same protection.
TEST(Change, ADeadKeptConnectionIsReplayedForBodiesThatComeLater) {
  std::atomic<int> taken = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_message().whole) return;
    ++taken;
    connection.write(RawUpstream::ok("answer"));
    pollfd wait{.fd = connection.fd(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, k_read_seconds * 1000);
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 20; ++i) {
    const std::string text = request("/", "body");
    client.write(text.substr(0, text.size() - 4));
    // Goes through the same kernel queues after it, so the head has been read alone by now.
    for (int k = 0; k < 3; ++k) fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    client.write("body");
    ASSERT_EQ(client.read_message().body, "answer") << i;
  }
  EXPECT_EQ(taken, 20);
}

// Requests too large to be told apart from taken ones do not use connections that may be closing.
TEST(Change, LargeRequestsAvoidTheConnectionsOfInstancesThatCloseThem) {
  std::atomic<int> taken = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_message().whole) return;
    ++taken;
    connection.write(RawUpstream::ok("answer"));
  });
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 50; ++i) {
    // The first closing is learned from a small request.
    client.write(request("/", i < 2 ? "small" : std::string(200'000, 'x')));
    ASSERT_EQ(client.read_message().body, "answer") << i;
  }
  EXPECT_EQ(taken, 50);
  EXPECT_EQ(fixture.outcomes_of(50).failed, 0U);
}

TEST(Change, InstancesThatCloseIdleConnectionsAtRandomLoseNothing) {
  std::atomic<int> taken = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    // Idles between 0 and 0.4 ms, then closes, whatever has come meanwhile.
    std::minstd_rand random(static_cast<unsigned>(connection.fd()));
    for (;;) {
      if (!connection.read_message().whole) return;
      ++taken;
      if (!connection.write(RawUpstream::ok("answer"))) return;
      pollfd wait{.fd = connection.fd(), .events = POLLIN, .revents = 0};
      const timespec idle{.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 400'000)};
      if (::ppoll(&wait, 1, &idle, nullptr) == 0) return;
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 3000; ++i) {
    client.write(request("/", "body"));
    ASSERT_EQ(client.read_message().body, "answer") << i;
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 400));
  }
  EXPECT_EQ(taken, 3000);
  EXPECT_EQ(fixture.outcomes_of(3000).failed, 0U);
}

TEST(Change, ARequestThatMayHaveBeenTakenIsNotSentAgain) {
  std::atomic<int> taken = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_message().whole) return;
    connection.write(RawUpstream::ok("first"));
    if (connection.read_message().whole) ++taken;
    connection.close();  // taken, then dead without a word
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_EQ(client.read_message().body, "first");
  client.write(request());
  const RawMessage answer = client.read_message();
  EXPECT_EQ(answer.status(), 500);
  EXPECT_NE(answer.body.find("ModelArts.4503"), std::string::npos);
  EXPECT_EQ(taken, 1);
  const model::Outcomes outcomes = fixture.outcomes_of(2);
  EXPECT_EQ(outcomes.failed, 1U);
  EXPECT_EQ(outcomes.retried, 0U);
}

TEST(Change, IdleConnectionsOfADrainedEndpointAreClosedAtOnce) {
  std::atomic<bool> ended = false;
  RawUpstream old_one([&](RawConnection& connection) {
    connection.read_message();
    connection.write(RawUpstream::ok("old"));
    connection.read_more();
    ended = true;
  });
  RawUpstream new_one(named("new"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 1, {endpoint("old", old_one.address())}}})}));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_EQ(client.read_message().body, "old");
  ASSERT_TRUE(fixture.adopt({serving({{2, 1, {endpoint("new", new_one.address())}}})}));
  old_one.stop();  // waits for its script
  EXPECT_TRUE(ended);
  client.write(request());
  EXPECT_EQ(client.read_message().body, "new");
}

TEST(Change, HeldRequestsAreAnsweredWhenAnInstanceIsReady) {
  RawUpstream upstream(named("ready"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  std::vector<RawConnection> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(fixture.connect());
    clients.back().write(request());
  }
  // Another service's request goes through the same workers behind them, so they are parked by now.
  for (int i = 0; i < 20; ++i) fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(fixture.adopt_one(upstream));
  for (RawConnection& client : clients) ASSERT_EQ(client.read_message().body, "ready");
  const model::Outcomes outcomes = fixture.outcomes_of(10);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_GE(outcomes.held, 1U);
  EXPECT_GT(outcomes.held_longest_us, 0U);
}

TEST(Change, AHoldEndsInTimeAndHasRoomForSoMany) {
  Limits limits;
  limits.hold_timeout = std::chrono::milliseconds(50);
  limits.held_requests_max = 2;
  GatewayFixture fixture(limits, 1);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  std::vector<RawConnection> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(fixture.connect());
    clients.back().write(request());
  }
  int expired = 0;
  int full = 0;
  for (RawConnection& client : clients) {
    const RawMessage answer = client.read_message();
    EXPECT_EQ(answer.status(), 503);
    EXPECT_EQ(answer.field("retry-after"), "1");
    expired += answer.body.find("in time") != std::string::npos ? 1 : 0;
    full += answer.body.find("too many") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(expired, 2);
  EXPECT_EQ(full, 1);
}

TEST(Change, AHoldLastsAsLongAsTheRouteSays) {
  Limits limits;
  limits.hold_timeout = std::chrono::milliseconds(20);
  GatewayFixture fixture(limits, 1);
  auto held = not_ready();
  held.hold = std::chrono::seconds(60);
  ASSERT_TRUE(fixture.adopt({held}));
  RawConnection client = fixture.connect();
  client.write(request());
  // Served by the only worker after it: it is parked when this is answered.
  fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(3 * limits.hold_timeout);  // what it would have had
  RawUpstream upstream(named("late"));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  EXPECT_EQ(client.read_message().body, "late");
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.held, 1U);
  EXPECT_GE(outcomes.held_longest_us, 60'000U);
}

// A change is over when its table is adopted; what it held must be known then, not once the last of
// them has been answered.
TEST(Change, AHoldIsCountedWithTheTableThatEndsIt) {
  RawUpstream silent([](RawConnection& connection) {
    connection.read_message();
    connection.read_more();
  });
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  RawConnection client = fixture.connect();
  client.write(request());
  // Served by the only worker after it: it is parked when this is answered.
  fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(fixture.adopt_one(silent));
  const model::Outcomes outcomes = fixture.outcomes_of(0);
  EXPECT_EQ(outcomes.requests, 0U);
  EXPECT_EQ(outcomes.held, 1U);
  EXPECT_GT(outcomes.held_longest_us, 0U);
}

TEST(Change, AHoldThatShrinksEndsForThoseWhoWait) {
  GatewayFixture fixture({}, 1);
  auto held = not_ready();
  held.hold = std::chrono::seconds(60);
  ASSERT_TRUE(fixture.adopt({held}));
  RawConnection client = fixture.connect();
  client.write(request());
  fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  held.hold = std::chrono::milliseconds(1);
  ASSERT_TRUE(fixture.adopt({held}));
  const RawMessage answer = client.read_message();
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.field("retry-after"), "1");
}

TEST(Change, GroupsOfOneRevisionAreCountedApart) {
  RawUpstream first(named("first"));
  RawUpstream second(named("second"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{7, 1, {endpoint("i1", first.address())}, "one"},
                                      {7, 3, {endpoint("i2", second.address())}, "two"}})}));
  RawConnection client = fixture.connect();
  for (int call = 0; call < 8; ++call) {
    client.write(request());
    client.read_message();
  }
  const auto requests_of = [](const model::Usage& usage, const std::string& group) {
    std::uint64_t requests = 0;
    for (const model::RevisionUsage& row : usage.revisions) {
      if (row.revision == 7 && row.group == group) requests += row.outcomes.requests;
    }
    return requests;
  };
  EXPECT_TRUE(fixture.eventually([&](const model::Usage& usage) {
    return requests_of(usage, "one") == 2 && requests_of(usage, "two") == 6;
  }));
}

TEST(Change, AClientThatLeavesAHoldIsForgotten) {
  Limits limits;
  limits.half_close_window = Duration::zero();
  GatewayFixture fixture(limits, 1);
  ASSERT_TRUE(fixture.adopt({not_ready()}));
  {
    RawConnection client = fixture.connect();
    client.write(request());
    // Served by the only worker after it, so it is parked when this is answered.
    fixture.call("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    client.reset();
  }
  EXPECT_EQ(fixture.outcomes_of(1).client_gone, 1U);
  RawUpstream upstream(named("ready"));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  EXPECT_EQ(fixture.call(request()).body, "ready");
}

TEST(Change, StoppedAndUnknownServicesAreToldApart) {
  GatewayFixture fixture;
  auto stopped = not_ready();
  stopped.standing = model::Standing::stopped;
  ASSERT_TRUE(fixture.adopt({stopped}));
  RawMessage answer = fixture.call(request());
  EXPECT_EQ(answer.status(), 400);
  EXPECT_NE(answer.body.find("ModelArts.4203"), std::string::npos);
  ASSERT_TRUE(fixture.adopt({}));
  answer = fixture.call(request());
  EXPECT_EQ(answer.status(), 404);
  EXPECT_NE(answer.body.find("ModelArts.4204"), std::string::npos);
}

TEST(Change, AnOlderOrBrokenTableIsRefused) {
  RawUpstream upstream(named("x"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  fixture.client().publish({.generation = 1, .services = {}, .token_digests = {}});
  model::RouteTable broken{.generation = 50, .services = {not_ready()}, .token_digests = {}};
  broken.services[0].change([](auto& route) { route.standing = model::Standing::serving; });
  fixture.client().publish(broken);
  EXPECT_EQ(fixture.call(request()).body, "x");
  EXPECT_EQ(fixture.client().usage().adopted, 2U);
}

TEST(Change, TheGatewayServesOnWithoutControlAndTakesItsSuccessor) {
  RawUpstream upstream(named("x"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const std::string life = fixture.client().usage().gateway;
  fixture.stop_client();
  EXPECT_EQ(fixture.call(request()).body, "x");
  fixture.start_client();
  ASSERT_TRUE(fixture.eventually([&](const auto& usage) {
    return usage.gateway == life && usage.adopted == 1 && usage.instances.size() == 1;
  }));
  ASSERT_TRUE(fixture.client().attached());
  EXPECT_EQ(fixture.client().attached()->adopted, 1U);
  EXPECT_EQ(fixture.client().attached()->listen, fixture.address());
  ASSERT_TRUE(fixture.adopt_one(upstream));
}

TEST(Change, ARestartedGatewayGetsTheLastTableAgain) {
  RawUpstream upstream(named("x"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  fixture.stop_gateway();
  ASSERT_TRUE(fixture.eventually([](const auto& usage) { return usage.adopted == 0; }));
  EXPECT_FALSE(fixture.client().attached());
  fixture.start_gateway();
  ASSERT_TRUE(fixture.eventually([](const auto& usage) { return usage.adopted == 1; }));
  EXPECT_EQ(fixture.call(request()).body, "x");
}

TEST(Change, TwoGatewaysCannotShareAControlSocket) {
  GatewayFixture fixture;
  const auto second = Gateway::start(fixture.options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::conflict);
}

TEST(Change, ShutdownLetsRequestsInFlightEnd) {
  std::mutex mutex;
  std::condition_variable cv;
  bool may_answer = false;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage&) {
    std::unique_lock<std::mutex> lock(mutex);
    cv.wait(lock, [&] { return may_answer; });
    return RawUpstream::ok("late");
  }));
  GatewayFixture fixture({}, 1);  // what closes the idle connection has told the busy one, too
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection idle = fixture.connect();
  idle.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(idle.read_message().status(), 200);
  RawConnection busy = fixture.connect();
  busy.write(request());
  ASSERT_TRUE(fixture.eventually([](const auto& usage) {
    return !usage.instances.empty() && usage.instances[0].in_flight == 1;
  }));
  std::thread stopper([&] { fixture.gateway().stop(std::chrono::seconds(20)); });
  EXPECT_EQ(idle.read_all(), "");  // closed at once
  {
    const std::lock_guard<std::mutex> lock(mutex);
    may_answer = true;
  }
  cv.notify_all();
  const RawMessage answer = busy.read_message();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.field("connection"), "close");
  stopper.join();
}

TEST(Change, ShutdownEndsWithItsBudget) {
  RawUpstream upstream([](RawConnection& connection) { connection.read_all(); });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection busy = fixture.connect();
  busy.write(request());
  ASSERT_TRUE(fixture.eventually([](const auto& usage) {
    return !usage.instances.empty() && usage.instances[0].in_flight == 1;
  }));
  fixture.client().shut_down(std::chrono::milliseconds(10));
  pollfd wait{.fd = fixture.gateway().shutdown_event(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&wait, 1, k_read_seconds * 1000), 1);
  ASSERT_EQ(fixture.gateway().shutdown_budget(), std::chrono::milliseconds(10));
  fixture.gateway().stop(*fixture.gateway().shutdown_budget());
  EXPECT_FALSE(busy.read_message().whole);
}

TEST(Change, FiftySwapsUnderLoadLoseNothing) {
  std::atomic<int> taken = 0;
  constexpr int k_clients = 32;
  constexpr int k_requests = 20'000 / k_clients;
  const auto set = [&](int number) {
    std::vector<std::unique_ptr<RawUpstream>> made;
    for (int i = 0; i < 2; ++i) {
      made.push_back(std::make_unique<RawUpstream>(named("s" + std::to_string(number), &taken)));
    }
    return made;
  };
  const auto routed = [&](const auto& upstreams, int number) {
    std::vector<model::Endpoint> endpoints;
    for (std::size_t i = 0; i < upstreams.size(); ++i) {
      endpoints.push_back(endpoint("i" + std::to_string(number) + "-" + std::to_string(i),
                                   upstreams[i]->address()));
    }
    return serving({{number, 100, endpoints}});
  };
  GatewayFixture fixture;
  auto current = set(1);
  ASSERT_TRUE(fixture.adopt({routed(current, 1)}));
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::atomic<bool> swapping = true;
  std::vector<std::thread> clients;
  for (int c = 0; c < k_clients; ++c) {
    clients.emplace_back([&] {
      RawConnection client = fixture.connect();
      for (int i = 0; (i < k_requests || swapping) && bad == 0; ++i) {
        client.write(request("/", "payload"));
        const RawMessage answer = client.read_message();
        ++(answer.status() == 200 && answer.whole ? good : bad);
      }
    });
  }
  int number = 1;
  while (number <= 50) {
    auto next = set(++number);
    EXPECT_TRUE(fixture.adopt({routed(next, number)}));
    // Stopped as soon as nothing is in flight, as control does it.
    const std::string old = "i" + std::to_string(number - 1) + "-";
    EXPECT_TRUE(fixture.eventually([&](const model::Usage& usage) {
      return usage.find(model::InstanceId(old + "0")) == nullptr &&
             usage.find(model::InstanceId(old + "1")) == nullptr;
    }));
    current = std::move(next);
  }
  swapping = false;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GE(good, k_clients * k_requests);
  EXPECT_EQ(taken, good);
  const auto count = static_cast<std::uint64_t>(good.load());
  const model::Outcomes outcomes = fixture.outcomes_of(count);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.requests, count);
}

}  // namespace
}  // namespace hitless::gateway
