// The rarer parts of HTTP/1.1, from both ends; the sections are of RFC 9110 and RFC 9112.
#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

std::string echo(const RawMessage& request) {
  return RawUpstream::ok(request.start_line() + "|" + request.body);
}

// An instance that gives one answer to everything, whatever it is asked.
RawUpstream::Script always(std::string answer) {
  return RawUpstream::answering([answer = std::move(answer)](const RawMessage&) { return answer; });
}

std::string head_of(std::string_view method, std::string_view path, std::string_view fields,
                    std::string_view version = "HTTP/1.1") {
  std::string text(method);
  text.append(" /v1/infers/").append(k_service).append(path).append(" ").append(version);
  text.append("\r\nHost: test\r\nX-Auth-Token: ").append(k_token).append("\r\n");
  return text.append(fields).append("\r\n");
}

// 9110 10.1.1: the body is asked for once it is known that somebody takes it, and only then.
TEST(Protocol, ABodyThatWaitsToBeAskedForIsAskedForOnce) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& request) {
    // An instance may say 100 by itself; the client has heard it from us.
    return "HTTP/1.1 100 Continue\r\n\r\n" + RawUpstream::ok(std::to_string(request.body.size()));
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  const std::string large(500'000, 'x');
  for (const std::string framing :
       {"Content-Length: 500000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    client.write(head_of("POST", "/", "Expect: 100-continue\r\n" + framing));
    EXPECT_EQ(client.read_message().start_line(), "HTTP/1.1 100 Continue") << framing;
    const bool is_chunked = framing.starts_with('T');
    client.write(is_chunked ? "7a120\r\n" + large + "\r\n0\r\n\r\n" : large);
    EXPECT_EQ(client.read_message().body, "500000") << framing;
  }
}

TEST(Protocol, ABodyThatIsThereAlreadyIsNotAskedFor) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  EXPECT_EQ(fixture.call(request("/", "hello", "Expect: 100-continue\r\n")).body,
            "POST / HTTP/1.1|hello");
  EXPECT_EQ(fixture.call(request("/", "", "Expect: 100-continue\r\n")).body, "POST / HTTP/1.1|");
}

TEST(Protocol, ABodyOfARefusedRequestIsNotAskedFor) {
  std::atomic<int> taken = 0;
  RawUpstream upstream(RawUpstream::answering(echo, &taken));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  for (const auto& [fields, status] : {std::pair{"X-Auth-Token: x\r\nContent-Length: 5\r\n", 401},
                                       std::pair{"Content-Length: 999999999\r\n", 413}}) {
    RawConnection client = fixture.connect();
    std::string text = "POST /v1/infers/" + std::string(k_service) + "/ HTTP/1.1\r\nHost: a\r\n";
    if (status != 401) text += "X-Auth-Token: " + std::string(k_token) + "\r\n";
    client.write(text + "Expect: 100-continue\r\n" + fields + "\r\n");
    const RawMessage answer = client.read_message();
    EXPECT_EQ(answer.status(), status);
    // Whether the body comes nevertheless is not known: what follows cannot be read.
    EXPECT_EQ(answer.field("connection"), "close");
    client.shut_writing();
    EXPECT_EQ(client.read_all(), "");
  }
  EXPECT_EQ(taken, 0);
}

TEST(Protocol, Http10ClientsGetNoInterimAnswers) {
  RawUpstream upstream(
      always("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RawUpstream::ok("y")));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(head_of("POST", "/", "Expect: 100-continue\r\nContent-Length: 2\r\n", "HTTP/1.0"));
  client.write("ab");
  EXPECT_EQ(client.read_message().status(), 200);
}

// 9110 15.2 and 8.6.
TEST(Protocol, InterimAnswersPassInOrderAndCannotSayALength) {
  RawUpstream upstream(
      always("HTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 7\r\n\r\n"
             "HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\n\r\n"
             "HTTP/1.1 103 Early Hints\r\nLink: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n" +
             RawUpstream::ok("last")));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 2; ++i) {
    client.write(request());
    const RawMessage first = client.read_message();
    EXPECT_EQ(first.field("link"), "a");
    EXPECT_EQ(first.field("content-length"), "");
    const RawMessage second = client.read_message();
    EXPECT_EQ(second.status(), 102);
    EXPECT_EQ(second.field("transfer-encoding"), "");
    const RawMessage third = client.read_message();
    EXPECT_EQ(third.field("link"), "b");
    EXPECT_EQ(third.field("x-hop") + third.field("connection"), "");
    EXPECT_EQ(client.read_message().body, "last");
  }
  EXPECT_EQ(upstream.connections(), 1);
}

// 9112 6.3, 9110 9.3.2: whatever such an answer says of a length, nothing of it follows.
TEST(Protocol, AnswersWithoutBodiesSayNoLengthThatAClientWouldWaitFor) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& request) -> std::string {
    if (request.head.starts_with("HEAD /chunked")) {
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    }
    if (request.head.starts_with("HEAD")) return "HTTP/1.1 200 OK\r\n\r\n";
    if (request.start_line().find("/204") != std::string::npos) {
      return "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n";
    }
    return RawUpstream::ok("plain");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (const char* path : {"/chunked", "/"}) {
    client.write(request(path, "", "", "HEAD"));
    EXPECT_EQ(client.read_message(true).status(), 200) << path;
  }
  client.write(request("/204"));
  const RawMessage none = client.read_message();
  EXPECT_EQ(none.status(), 204);
  EXPECT_EQ(none.field("content-length"), "");
  client.write(request("/"));
  EXPECT_EQ(client.read_message().body, "plain");
}

TEST(Protocol, OurOwnAnswersToHeadHaveNoBody) {
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({}));
  RawConnection client = fixture.connect();
  client.write("HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  const RawMessage missing = client.read_message(true);
  EXPECT_EQ(missing.status(), 404);
  EXPECT_NE(missing.field("content-length"), "0");
  EXPECT_EQ(client.read_message().body, R"({"status":"ok"})");
}

// 9112 9.3.2.
TEST(Protocol, PipelinedRequestsOfAllKindsAreAnsweredInOrder) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& request) {
    if (request.head.starts_with("HEAD")) {
      return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    }
    if (request.start_line().find("/chunked") == std::string::npos) return echo(request);
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: " +
           request.body + "\r\n\r\n";
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  const std::string round = request("/", "", "", "HEAD") +
                            "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
                            head_of("POST", "/chunked", "Transfer-Encoding: chunked\r\n") +
                            "2\r\nhi\r\n0\r\nY: 1\r\n\r\n" +
                            request("/large", std::string(200'000, 'z')) +
                            request("/get", "", "", "GET");
  std::thread writer([&] {
    for (int i = 0; i < 5; ++i) client.write(round);
  });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.read_message(true).field("content-length"), "9");
    EXPECT_EQ(client.read_message().status(), 404);
    const RawMessage chunked = client.read_message();
    EXPECT_EQ(chunked.body, "abc");
    EXPECT_TRUE(chunked.wire.ends_with("0\r\nX: hi\r\n\r\n")) << chunked.wire;
    EXPECT_EQ(client.read_message().body.size(), 200'000 + std::strlen("POST /large HTTP/1.1|"));
    EXPECT_EQ(client.read_message().body, "GET /get HTTP/1.1|");
  }
  writer.join();
}

// 9112 9.6.
TEST(Protocol, WhatFollowsTheLastRequestOfAConnectionIsNotServed) {
  std::atomic<int> taken = 0;
  RawUpstream upstream(RawUpstream::answering(echo, &taken));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/first", "1", "Connection: close\r\n") + request("/second", "2"));
  const RawMessage answer = client.read_message();
  EXPECT_EQ(answer.body, "POST /first HTTP/1.1|1");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(client.last_error(), 0);
  EXPECT_EQ(taken, 1);
}

TEST(Protocol, PipelinedRequestsBeforeAHalfCloseAreAllAnswered) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/1", "a") + request("/2", "b") +
               head_of("POST", "/3", "Transfer-Encoding: chunked\r\n") + "1\r\nc\r\n0\r\n\r\n");
  client.shut_writing();
  EXPECT_EQ(client.read_message().body, "POST /1 HTTP/1.1|a");
  EXPECT_EQ(client.read_message().body, "POST /2 HTTP/1.1|b");
  EXPECT_EQ(client.read_message().body, "POST /3 HTTP/1.1|c");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(client.last_error(), 0);
}

TEST(Protocol, ABodyThatEndsTooEarlyIsNeverAWholeRequest) {
  std::atomic<int> taken = 0;
  RawUpstream upstream(RawUpstream::answering(echo, &taken));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const std::string large(200'000, 'x');
  for (const std::string& text :
       {request("/", "hello").substr(0, request("/", "hello").size() - 1),
        request("/", large).substr(0, large.size()),
        head_of("POST", "/", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n",
        head_of("POST", "/", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n"}) {
    RawConnection client = fixture.connect();
    client.write(text);
    client.shut_writing();
    EXPECT_EQ(client.read_all().find("200 OK"), std::string::npos);
  }
  EXPECT_EQ(taken, 0);
  EXPECT_EQ(fixture.outcomes_of(4).client_gone, 4U);
}

// 9112 7: what is sent in pieces comes in pieces, while the request is still under way.
TEST(Protocol, ChunksGoBothWaysAtOnce) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    std::string& got = connection.buffered();
    got.erase(0, got.find("\r\n\r\n") + 4);
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    constexpr std::size_t k_chunk = 6;  // of one byte
    while (!got.starts_with("0\r\n\r\n")) {
      if (got.size() >= k_chunk && got.starts_with("1\r\n")) {
        connection.write(got.substr(0, k_chunk));
        got.erase(0, k_chunk);
      } else if (!connection.read_more()) {
        return;
      }
    }
    connection.write("0\r\nX-End: 1\r\n\r\n");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(head_of("POST", "/", "Transfer-Encoding: chunked\r\n") + "1\r\na\r\n");
  ASSERT_TRUE(client.read_until("\r\n1\r\na\r\n"));
  for (char letter = 'b'; letter < 'k'; ++letter) {
    const std::string piece = std::string("1\r\n") + letter + "\r\n";
    client.write(piece);
    ASSERT_TRUE(client.read_until(piece));
  }
  client.write("0\r\n\r\n");
  ASSERT_TRUE(client.read_until("0\r\nX-End: 1\r\n\r\n"));
}

// 9112 7.1.2: whoever takes the chunks away takes the trailers with them.
TEST(Protocol, Http10ClientsGetNoTrailers) {
  RawUpstream upstream(always(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n"));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(head_of("GET", "/", "Connection: keep-alive\r\n", "HTTP/1.0"));
  const std::string all = client.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nabc")) << all;
}

// 9110 7.8.
TEST(Protocol, AnUpgradeThatTheInstanceDeclinesLeavesARequestAndItsAnswer) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& request) {
    if (request.start_line().find("/ws") == std::string::npos) return echo(request);
    return std::string(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket/13\r\nConnection: Upgrade\r\n"
        "Content-Length: 0\r\n\r\n");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/ws", "", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "GET") +
               request("/next", "n"));
  const RawMessage declined = client.read_message();
  EXPECT_EQ(declined.status(), 426);
  EXPECT_EQ(declined.field("upgrade"), "websocket/13");
  EXPECT_EQ(client.read_message().body, "POST /next HTTP/1.1|n");
}

TEST(Protocol, WhatFollowsAnUpgradeRequestGoesThroughTheTunnelUnread) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    const std::string early =
        connection.buffered().substr(connection.buffered().find("\r\n\r\n") + 4);
    connection.buffered().clear();
    connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    connection.write("<" + early + ">");
    while (connection.read_more()) {
      connection.write("<" + std::exchange(connection.buffered(), {}) + ">");
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/ws", "", "Connection: Upgrade\r\nUpgrade: x\r\n", "GET") + "early");
  // Nothing of it went before the instance had agreed.
  ASSERT_TRUE(client.read_until("<><early>")) << client.buffered();
  client.close();
  EXPECT_EQ(fixture.outcomes_of(1).failed, 0U);
}

TEST(Protocol, ATunnelEndsWithTheInstance) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_message();
    connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nbye");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/ws", "", "Connection: Upgrade\r\nUpgrade: x\r\n", "GET"));
  EXPECT_TRUE(client.read_all().ends_with("\r\n\r\nbye"));
  EXPECT_EQ(client.last_error(), 0);
}

}  // namespace
}  // namespace hitless::gateway
