// The data path from end to end: a real gateway between a raw client and a raw upstream.
#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"
#include "tests/support/open_sockets.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

std::string echo(const RawMessage& request) {
  return RawUpstream::ok(request.start_line() + "|" + request.body);
}

TEST(Proxy, ForwardsWithoutThePrefixAndNamesTheRevision) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream, 7));
  const RawMessage answer = fixture.call(request("/v2/x?a=b%20c", "body"));
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(answer.body, "POST /v2/x?a=b%20c HTTP/1.1|body");
  EXPECT_EQ(answer.field("X-Hitless-Revision"), "7");
  EXPECT_EQ(answer.field("X-Request-Id").size(), 32U);
  EXPECT_EQ(fixture.call(request("", "b")).body, "POST / HTTP/1.1|b");
  EXPECT_EQ(fixture.call(request("?q=1", "b")).body, "POST /?q=1 HTTP/1.1|b");
}

TEST(Proxy, KeepsBothConnectionsForManyRequests) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 100; ++i) {
    const std::string body = "body " + std::to_string(i);
    ASSERT_TRUE(client.write(request("/p", body)));
    ASSERT_EQ(client.read_message().body, "POST /p HTTP/1.1|" + body);
  }
  EXPECT_EQ(upstream.connections(), 1);
  const model::Outcomes outcomes = fixture.outcomes_of(100);
  EXPECT_EQ(outcomes.requests, 100U);
  EXPECT_EQ(outcomes.by_class[2], 100U);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.latency.count(), 100U);
  EXPECT_EQ(outcomes.first_byte.count(), 100U);
}

// A connection remembers which token was accepted, and forgets it with the tokens of that table,
// wherever in memory the next ones come to lie.
TEST(Proxy, ATokenThatIsTakenBackIsRefusedOnConnectionsThatUsedIt) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture({}, 1);
  const model::ServiceRoute route = serving({{1, 100, {endpoint("i1", upstream.address())}}});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(fixture.adopt({route}));
    RawConnection client = fixture.connect();
    client.write(request());
    ASSERT_EQ(client.read_message().status(), 200);
    for (int other = 0; other < 10; ++other) {
      ASSERT_TRUE(fixture.adopt({route}, "other " + std::to_string(other)));
      client.write(request());
      ASSERT_EQ(client.read_message().status(), 401);
    }
  }
}

// An instance that would take it up had a tunnel in which nobody checks requests.
TEST(Proxy, AnUpgradeToH2cIsNotPassedOn) {
  std::mutex mutex;
  std::string seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request.head;
    return RawUpstream::ok("x");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const RawMessage answer = fixture.call(request(
      "/", "b",
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"));
  EXPECT_EQ(answer.status(), 200);
  const std::lock_guard<std::mutex> lock(mutex);
  EXPECT_EQ(seen.find("pgrade"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("HTTP2-Settings"), std::string::npos) << seen;
}

// Samples of a rollout are addressed like that: also to what has no weight yet, and counted there.
TEST(Proxy, AnInstanceThatIsAskedForAnswersWhateverItsWeight) {
  const auto named = [](const std::string& name) {
    return RawUpstream::answering([name](const RawMessage& request) {
      return RawUpstream::ok(name + (request.field("X-Hitless-Instance").empty() ? "" : " told"));
    });
  };
  RawUpstream old_one(named("old"));
  RawUpstream new_one(named("new"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("old", old_one.address())}, "g1"},
                                      {2, 0, {endpoint("new", new_one.address())}, "g2"}})}));
  const auto ask_for = [&](const std::string& instance) {
    return fixture.call(request("/", "b", "X-Hitless-Instance: " + instance + "\r\n"));
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask_for("new").body, "new");
  EXPECT_EQ(ask_for("new").field("X-Hitless-Revision"), "2");
  EXPECT_EQ(ask_for("old").body, "old");
  EXPECT_EQ(ask_for("gone").body, "old") << "what is not routed is like any other request";
  ASSERT_TRUE(fixture.eventually([](const model::Usage& usage) {
    const auto counted = [&](std::string_view group, std::uint64_t requests) {
      return std::any_of(usage.revisions.begin(), usage.revisions.end(), [&](const auto& row) {
        return row.group == group && row.outcomes.requests == requests;
      });
    };
    return counted("g1", 2) && counted("g2", 6);
  }));
}

// Small writes wait for nobody's acknowledgement, on either side.
TEST(Proxy, NoSocketDelaysWhatIsWritten) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("x"); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_EQ(client.read_message().body, "x");
  int accepted = 0, opened = 0;
  for (const tests::OpenSocket& socket : tests::connected_tcp_sockets()) {
    const bool to_client = socket.port == fixture.address().port;
    const bool to_instance = socket.peer_port == upstream.address().port;
    accepted += to_client ? 1 : 0;
    opened += to_instance ? 1 : 0;
    EXPECT_TRUE(socket.no_delay || !(to_client || to_instance));
  }
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(opened, 1);
}

TEST(Proxy, AnswersPipelinedRequestsInOrder) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  std::string all;
  for (int i = 0; i < 50; ++i) all += request("/p", "body " + std::to_string(i));
  ASSERT_TRUE(client.write(all));
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(client.read_message().body, "POST /p HTTP/1.1|body " + std::to_string(i));
  }
}

TEST(Proxy, SwapsTablesAndDrainsToZero) {
  std::mutex mutex;
  std::condition_variable go_on;
  bool may_answer = false;
  RawUpstream old_one(RawUpstream::answering([&](const RawMessage&) {
    std::unique_lock<std::mutex> lock(mutex);
    go_on.wait(lock, [&] { return may_answer; });
    return RawUpstream::ok("old");
  }));
  RawUpstream new_one(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("new"); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("old", old_one.address())}}})}));
  RawConnection slow = fixture.connect();
  slow.write(request());
  const model::InstanceId old_id("old");
  const auto in_flight = [&](const model::Usage& usage) -> std::uint64_t {
    const model::InstanceUsage* found = usage.find(old_id);
    return found == nullptr ? 0 : found->in_flight;
  };
  ASSERT_TRUE(fixture.eventually([&](const auto& usage) { return in_flight(usage) == 1; }));
  ASSERT_TRUE(fixture.adopt({serving({{2, 100, {endpoint("new", new_one.address())}}})}));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(fixture.call(request()).body, "new");
  EXPECT_EQ(in_flight(fixture.client().usage()), 1U);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    may_answer = true;
  }
  go_on.notify_all();
  EXPECT_EQ(slow.read_message().body, "old");
  ASSERT_TRUE(fixture.eventually([&](const auto& usage) { return usage.find(old_id) == nullptr; }));
}

}  // namespace
}  // namespace hitless::gateway
