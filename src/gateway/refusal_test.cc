// What the gateway refuses, and how.
#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"
#include "tests/support/http2_refusals.h"
#include "tests/support/refusal_trial.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

std::string path() {
  return "/v1/infers/" + std::string(k_service);
}
std::string token() {
  return "X-Auth-Token: " + std::string(k_token) + "\r\n";
}

TEST(Refusal, BadHttpGetsItsStatusAndAClosedConnectionAndUnusualHttpIsServed) {
  WatchingUpstream upstream;
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("i1", upstream.address())}}})}));
  RefusalTrial(fixture.address(), {.call = path(), .token = token()}, upstream).run();
}

TEST(Refusal, WhatHttp2SaysIsTheSameInHttp11OrIsRefused) {
  WatchingUpstream upstream;
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({serving({{1, 100, {endpoint("i1", upstream.address())}}})}));
  Http2RefusalTrial(fixture.address(), {.call = path(), .token = token()}, upstream).run();
}

TEST(Refusal, TokensAreWantedInAnyOfThreeFieldsAndDoNotReachTheInstance) {
  std::mutex mutex;
  std::string seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request.head;
    return RawUpstream::ok("x");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const auto call = [&](const std::string& fields) {
    return fixture.call("GET " + path() + "/ HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  };
  const std::string good(k_token);
  for (const std::string& fields :
       {"X-Auth-Token: " + good + "\r\n", "X-Apig-AppCode: " + good + "\r\n",
        "Authorization: Bearer " + good + "\r\n", "authorization: bearer " + good + "\r\n"}) {
    EXPECT_EQ(call(fields).status(), 200) << fields;
    EXPECT_EQ(seen.find(good), std::string::npos) << seen;
  }
  EXPECT_EQ(call("Authorization: Basic model\r\nX-Auth-Token: " + good + "\r\n").status(), 200);
  EXPECT_NE(seen.find("Authorization: Basic model\r\n"), std::string::npos);

  RawMessage answer = call("");
  EXPECT_EQ(answer.status(), 401);
  EXPECT_NE(answer.body.find("ModelArts.0201"), std::string::npos);
  answer = call("X-Auth-Token: other\r\n");
  EXPECT_EQ(answer.status(), 401);
  EXPECT_NE(answer.body.find("APIG.0301"), std::string::npos);
  EXPECT_EQ(answer.field("connection"), "");  // it may try again
}

TEST(Refusal, ATokenThatIsWithdrawnIsNoLongerGoodOnAnOpenConnection) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("x"); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request());
  EXPECT_EQ(client.read_message().status(), 200);
  fixture.client().publish({.generation = 99,
                            .services = {serving({{1, 1, {endpoint("i1", upstream.address())}}})},
                            .token_digests = {sha256_hex("another")}});
  ASSERT_TRUE(fixture.eventually([](const auto& usage) { return usage.adopted == 99; }));
  client.write(request());
  EXPECT_EQ(client.read_message().status(), 401);
}

TEST(Refusal, ATokenThatIsWithdrawnStaysSoHoweverOftenTheTokensChange) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("x"); }));
  GatewayFixture fixture({}, 1);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request());
  EXPECT_EQ(client.read_message().status(), 200);
  for (model::Generation generation = 100; generation < 150; ++generation) {
    const std::string other = "token " + std::to_string(generation);
    fixture.client().publish({.generation = generation,
                              .services = {serving({{1, 1, {endpoint("i1", upstream.address())}}})},
                              .token_digests = {sha256_hex(other)}});
    ASSERT_TRUE(fixture.eventually([&](const auto& usage) { return usage.adopted == generation; }));
    client.write(request());
    ASSERT_EQ(client.read_message().status(), 401) << generation;
    // Nor is it good on a connection that never had it, before or after one with a good token.
    ASSERT_EQ(fixture.call(request()).status(), 401) << generation;
    const std::string good = "GET " + path() + "/ HTTP/1.1\r\nHost: a\r\nX-Auth-Token: " + other;
    ASSERT_EQ(fixture.call(good + "\r\n\r\n").status(), 200) << generation;
    ASSERT_EQ(fixture.call(request()).status(), 401) << generation;
  }
}

TEST(Refusal, OversizedBodiesAreRefusedAndTheClientSeesIt) {
  Limits limits;
  limits.body_bytes_max = 1000;
  GatewayFixture fixture(limits);
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("x"); }));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  std::thread writer([&] { client.write(request("/", std::string(2'000'000, 'x'))); });
  const RawMessage declared = client.read_message();
  writer.join();
  EXPECT_EQ(declared.status(), 413);
  EXPECT_NE(declared.body.find("ModelArts.4104"), std::string::npos);
  EXPECT_EQ(fixture
                .call("POST " + path() + "/ HTTP/1.1\r\nHost: a\r\n" + token() +
                      "Transfer-Encoding: chunked\r\n\r\n1000\r\n" + std::string(4096, 'x') +
                      "\r\n0\r\n\r\n")
                .status(),
            413);
  EXPECT_EQ(fixture.call(request("/", std::string(1000, 'x'))).status(), 200);
}

TEST(Refusal, AfterASmallRefusedBodyTheConnectionGoesOn) {
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage& r) { return RawUpstream::ok(r.body); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde" +
               request("/", "next"));
  const RawMessage first = client.read_message();
  EXPECT_EQ(first.status(), 404);
  EXPECT_NE(first.body.find("APIG.0101"), std::string::npos);
  EXPECT_EQ(client.read_message().body, "next");
}

TEST(Refusal, SlowHeadsAndBodiesEnd) {
  Limits limits;
  limits.head_timeout = std::chrono::milliseconds(50);
  limits.body_stall_timeout = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits);
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("x"); }));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection head = fixture.connect();
  head.write("GET / HT");
  EXPECT_EQ(head.read_message().status(), 408);
  EXPECT_EQ(head.read_all(), "");
  const std::string text = request("/", "0123456789");
  RawConnection body = fixture.connect();
  body.write(text.substr(0, text.size() - 5));
  EXPECT_EQ(body.read_message().status(), 408);
  EXPECT_EQ(body.read_all(), "");
}

TEST(Refusal, ASilentInstanceIsNotWaitedForForever) {
  Limits limits;
  limits.first_byte_timeout = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits);
  RawUpstream upstream([](RawConnection& connection) { connection.read_all(); });
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const RawMessage answer = fixture.call(request());
  EXPECT_EQ(answer.status(), 504);
  EXPECT_NE(answer.body.find("ModelArts.4503"), std::string::npos);
}

TEST(Refusal, AnAnswerThatIsNotHttpIsNotPassedOn) {
  for (const char* text : {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
                           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
    RawUpstream upstream([&](RawConnection& connection) {
      connection.read_message();
      connection.write(text);
      connection.read_all();
    });
    GatewayFixture fixture;
    ASSERT_TRUE(fixture.adopt_one(upstream));
    const RawMessage answer = fixture.call(request());
    EXPECT_EQ(answer.status(), 500) << text;
    EXPECT_NE(answer.body.find("ModelArts.4503"), std::string::npos) << text;
  }
}

TEST(Refusal, BeforeTheFirstTableItSaysTryAgain) {
  GatewayFixture fixture;
  const RawMessage answer = fixture.call(request());
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.field("retry-after"), "1");
  const std::string health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(fixture.call(health).status(), 503);
  ASSERT_TRUE(fixture.adopt({}));
  EXPECT_EQ(fixture.call(health).status(), 200);
}

TEST(Refusal, ConnectionsBeyondTheLimitWaitTheirTurn) {
  Limits limits;
  limits.connections_max = 2;
  GatewayFixture fixture(limits, 1);
  ASSERT_TRUE(fixture.adopt({}));
  const std::string health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  RawConnection first = fixture.connect();
  RawConnection second = fixture.connect();
  first.write(health);
  second.write(health);
  EXPECT_EQ(first.read_message().status(), 200);
  EXPECT_EQ(second.read_message().status(), 200);
  RawConnection third = fixture.connect();
  third.write(health);
  first.close();
  EXPECT_EQ(third.read_message().status(), 200);
}

// In the order in which they are given up: a head, an idle connection, a body, an answer.
TEST(Refusal, InACrowdThoseWhoseClientsKeepUsWaitingMakeRoom) {
  Limits limits;
  limits.connections_max = 4;
  limits.crowded_patience = std::chrono::milliseconds(30);
  GatewayFixture fixture(limits, 1);
  const std::string large(16UL * 1024 * 1024, 'x');
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& asked) {
    return RawUpstream::ok(asked.start_line().find("/large") == std::string::npos ? "x" : large);
  }));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection reading = fixture.connect(4096);
  reading.write(request("/large"));
  ASSERT_TRUE(reading.read_until("\r\n\r\n"));
  RawConnection body = fixture.connect();
  const std::string text = request("/", "0123456789");
  body.write(text.substr(0, text.size() - 5));
  RawConnection idle = fixture.connect();
  idle.write(request());
  ASSERT_EQ(idle.read_message().status(), 200);
  RawConnection head = fixture.connect();
  head.write("GET / HT");

  // Each that comes in stays, and is never the one whose client is waited for the longest.
  std::vector<RawConnection> more;
  const auto expect_served = [&] {
    more.push_back(fixture.connect());
    more.back().write(request("/", "hello", "Connection: close\r\n"));
    EXPECT_EQ(more.back().read_message().status(), 200);
    more.back().read_all();
    more.push_back(fixture.connect());  // takes the place
    more.back().write(request("/large"));
    EXPECT_TRUE(more.back().read_until("\r\n\r\n"));
  };
  expect_served();
  EXPECT_EQ(head.read_message().status(), 408);
  EXPECT_EQ(head.read_all(), "");
  expect_served();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(idle.last_error(), 0);
  expect_served();
  EXPECT_EQ(body.read_message().status(), 408);
  expect_served();
  EXPECT_LT(reading.read_all().size(), large.size());
}

TEST(Forwarding, HopByHopFieldsStayAndOursAreAdded) {
  std::mutex mutex;
  RawMessage seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request;
    return std::string(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, X-Hop\r\n"
        "Keep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 2\r\nX-Request-Id: theirs\r\n"
        "X-Hitless-Revision: 99\r\n\r\n");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const RawMessage answer = fixture.call(
      "GET http://example.org" + path() + "/p HTTP/1.1\r\nHost: other\r\n" + token() +
      "Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: x\r\nTE: trailers\r\n"
      "Proxy-Connection: x\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\n"
      "X-Request-Id: client-chosen\r\nX-Stays: yes\r\n\r\n");
  EXPECT_EQ(seen.start_line(), "GET /p HTTP/1.1");
  EXPECT_EQ(seen.field("host"), "example.org");
  for (const char* name : {"x-mine", "keep-alive", "te", "proxy-connection", "connection"}) {
    EXPECT_EQ(seen.field(name), "") << name;
  }
  EXPECT_EQ(seen.field("x-stays"), "yes");
  EXPECT_EQ(seen.field("x-forwarded-for"), "10.1.1.1, 127.0.0.1");
  EXPECT_EQ(seen.field("x-forwarded-proto"), "http");
  EXPECT_EQ(seen.field("x-request-id"), "client-chosen");
  EXPECT_EQ(answer.field("x-request-id"), "client-chosen");
  EXPECT_EQ(answer.field("x-hitless-revision"), "1");
  EXPECT_EQ(answer.field("x-end"), "2");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(answer.field("keep-alive"), "");
  EXPECT_EQ(answer.field("x-hop"), "");
}

TEST(Forwarding, ReachesInstancesOnUnixSockets) {
  const auto directory = std::move(TemporaryDirectory::make("hitless-unix")).value();
  std::atomic<int> taken = 0;
  RawUpstream upstream(
      RawUpstream::answering([](const RawMessage& r) { return RawUpstream::ok(r.body); }, &taken),
      {.host = {}, .port = 0, .path = directory.path() / "i.sock"});
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (const std::size_t size : {5UL, 100'000UL, 5'000'000UL}) {
    const std::string body(size, 'u');
    std::thread writer([&] { client.write(request("/", body)); });
    EXPECT_TRUE(client.read_message().body == body) << size;
    writer.join();
  }
  EXPECT_EQ(upstream.connections(), 1);
}

}  // namespace
}  // namespace hitless::gateway
