// Bodies both ways: framing, streams, back-pressure, ends that come too early.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

std::string chunk(std::string_view data) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

std::string chunked_request(const std::vector<std::string>& pieces,
                            std::string_view trailers = "") {
  std::string text = "POST /v1/infers/" + std::string(k_service) +
                     "/up HTTP/1.1\r\nHost: a\r\nX-Auth-Token: " + k_token +
                     "\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& piece : pieces) text += chunk(piece);
  return text + "0\r\n" + std::string(trailers) + "\r\n";
}

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  std::mt19937 random(7);
  for (char& byte : text) byte = static_cast<char>('a' + random() % 26);
  return text;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST(Streaming, ChunkedRequestsAndTrailersPass) {
  std::mutex mutex;
  std::string seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request.wire;
    return RawUpstream::ok(request.body);
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(chunked_request({"abc", "defgh"}, "X-Sum: 8\r\n"));
  EXPECT_EQ(client.read_message().body, "abcdefgh");
  EXPECT_TRUE(seen.ends_with("3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n"));
  client.write(request("/again", "x"));
  EXPECT_EQ(client.read_message().body, "x");
}

TEST(Streaming, ChunkedAnswersAndTrailersPassAndTheConnectionsStay) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n"
      "X-Sum: 3\r\n\r\n";
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage&) { return answer; }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  for (int i = 0; i < 3; ++i) {
    client.write(request());
    const RawMessage message = client.read_message();
    EXPECT_EQ(message.body, "abc");
    EXPECT_TRUE(message.wire.ends_with("0\r\nX-Sum: 3\r\n\r\n"));
  }
  EXPECT_EQ(upstream.connections(), 1);
  EXPECT_EQ(fixture.outcomes_of(3).streams, 3U);
}

TEST(Streaming, AnswersDelimitedByTheirConnectionsEndPass) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\n\r\nto the end");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  const RawMessage answer = fixture.call(request());
  EXPECT_EQ(answer.body, "to the end");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(fixture.outcomes_of(1).failed, 0U);
}

TEST(Streaming, Http10ClientsGetTheContentWithoutChunks) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("abc") + chunk("de") +
           "0\r\n\r\n";
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write("GET /v1/infers/" + std::string(k_service) +
               "/ HTTP/1.0\r\nX-Auth-Token: " + k_token + "\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nabcde")) << all;
  EXPECT_EQ(all.find("chunked"), std::string::npos);
}

TEST(Streaming, HeadAndBodilessAnswersLeaveTheConnectionUsable) {
  RawUpstream upstream([](RawConnection& connection) {
    for (;;) {
      const RawMessage request = connection.read_message();
      if (!request.whole) return;
      if (request.head.starts_with("HEAD")) {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      } else if (request.head.find("/204") != std::string::npos) {
        connection.write("HTTP/1.1 204 No Content\r\n\r\n");
      } else if (request.head.find("/304") != std::string::npos) {
        connection.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
      } else if (request.head.find("/103") != std::string::npos) {
        connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RawUpstream::ok("late"));
      } else {
        connection.write(RawUpstream::ok("plain"));
      }
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/", "", "", "HEAD"));
  EXPECT_EQ(client.read_message(true).field("content-length"), "1000");
  client.write(request("/204"));
  EXPECT_EQ(client.read_message().status(), 204);
  client.write(request("/304"));
  EXPECT_EQ(client.read_message().status(), 304);
  client.write(request("/103"));
  const RawMessage hint = client.read_message();
  EXPECT_EQ(hint.status(), 103);
  EXPECT_EQ(hint.field("link"), "x");
  EXPECT_EQ(client.read_message().body, "late");
  client.write(request("/"));
  EXPECT_EQ(client.read_message().body, "plain");
  EXPECT_EQ(upstream.connections(), 1);
}

TEST(Streaming, ExpectContinueIsAnsweredBeforeTheBody) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage& request) {
    return RawUpstream::ok(request.body + request.field("expect"));
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  const std::string text = request("/", "the body", "Expect: 100-continue\r\n");
  client.write(text.substr(0, text.size() - 8));
  EXPECT_EQ(client.read_message().status(), 100);
  client.write("the body");
  EXPECT_EQ(client.read_message().body, "the body");
}

TEST(Streaming, ServerSentEventsComeAsTheyAreSent) {
  std::mutex mutex;
  std::condition_variable cv;
  int allowed = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 1; i <= 5; ++i) {
      std::unique_lock<std::mutex> lock(mutex);
      cv.wait(lock, [&] { return allowed >= i; });
      lock.unlock();
      connection.write(chunk("data: " + std::to_string(i) + "\n\n"));
    }
    connection.write("0\r\n\r\n");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request());
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  for (int i = 1; i <= 5; ++i) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      allowed = i;
    }
    cv.notify_all();
    ASSERT_TRUE(client.read_until("data: " + std::to_string(i) + "\n\n"));
  }
  ASSERT_TRUE(client.read_until("0\r\n\r\n"));
}

TEST(Streaming, LargeBodiesPassUnchangedBothWays) {
  RawUpstream upstream(RawUpstream::answering(
      [](const RawMessage& request) { return RawUpstream::ok(request.body); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  for (const std::size_t size : {1'000UL, 70'000UL, 1'048'576UL, 9'000'000UL}) {
    const std::string body = pattern(size);
    RawConnection client = fixture.connect();
    std::thread writer([&] { client.write(request("/", body)); });
    const RawMessage answer = client.read_message();
    writer.join();
    EXPECT_TRUE(answer.body == body) << size;
  }
}

TEST(Streaming, ASlowReaderDoesNotFillTheGateway) {
  constexpr std::size_t k_size = 256UL * 1024 * 1024;
  std::atomic<std::size_t> sent = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(k_size) + "\r\n\r\n");
    const std::string piece(64 * 1024, 'x');
    for (std::size_t at = 0; at < k_size; at += piece.size()) {
      if (!connection.write(piece)) return;
      sent += piece.size();
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect(16 * 1024);
  client.write(request());
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  const std::size_t before = resident_bytes();
  // The instance comes to a stop: what it has sent stays the same for a while.
  std::size_t last = 0;
  for (int still = 0; still < 5;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    still = sent == last ? still + 1 : 0;
    last = sent;
  }
  EXPECT_LT(last, k_size / 4);
  EXPECT_LT(resident_bytes(), before + 16 * 1024 * 1024);
  std::size_t got = client.buffered().size() - client.buffered().find("\r\n\r\n") - 4;
  client.buffered().clear();
  while (got < k_size && client.read_more()) {
    got += client.buffered().size();
    client.buffered().clear();
  }
  EXPECT_EQ(got, k_size);
  EXPECT_EQ(fixture.outcomes_of(1).failed, 0U);
}

TEST(Streaming, ASlowInstanceDoesNotFillTheGateway) {
  constexpr std::size_t k_size = 200UL * 1024 * 1024;
  std::mutex mutex;
  std::condition_variable cv;
  bool may_read = false;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    std::unique_lock<std::mutex> lock(mutex);
    cv.wait(lock, [&] { return may_read; });
    lock.unlock();
    std::size_t got = connection.buffered().size() - connection.buffered().find("\r\n\r\n") - 4;
    connection.buffered().clear();
    while (got < k_size && connection.read_more()) {
      got += connection.buffered().size();
      connection.buffered().clear();
    }
    connection.write(RawUpstream::ok(std::to_string(got)));
  });
  Limits limits;
  limits.body_bytes_max = 2 * k_size;
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  std::atomic<std::size_t> sent = 0;
  const std::size_t before = resident_bytes();
  std::thread writer([&] {
    client.write("POST /v1/infers/" + std::string(k_service) + "/ HTTP/1.1\r\nHost: a\r\n" +
                 "X-Auth-Token: " + k_token + "\r\nContent-Length: " + std::to_string(k_size) +
                 "\r\n\r\n");
    const std::string piece(64 * 1024, 'x');
    for (std::size_t at = 0; at < k_size && client.write(piece); at += piece.size()) {
      sent += piece.size();
    }
  });
  std::size_t last = 0;
  for (int still = 0; still < 5;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    still = sent == last && last > 0 ? still + 1 : 0;
    last = sent;
  }
  EXPECT_LT(last, k_size / 4);
  EXPECT_LT(resident_bytes(), before + 16 * 1024 * 1024);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    may_read = true;
  }
  cv.notify_all();
  EXPECT_EQ(client.read_message().body, std::to_string(k_size));
  writer.join();
}

TEST(Streaming, AnAnswerThatBreaksOffIsSeenAndCountedAsCut) {
  for (const char* head : {"Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"}) {
    RawUpstream upstream([&](RawConnection& connection) {
      connection.read_message();
      connection.write("HTTP/1.1 200 OK\r\n" + std::string(head) + "\r\n3\r\nabc\r\n");
    });
    GatewayFixture fixture;
    ASSERT_TRUE(fixture.adopt_one(upstream));
    const RawMessage answer = fixture.call(request());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_FALSE(answer.whole);
    const model::Outcomes outcomes = fixture.outcomes_of(1);
    EXPECT_EQ(outcomes.cut, 1U);
    EXPECT_EQ(outcomes.streams, 0U);
    EXPECT_EQ(outcomes.failed, 1U);
    EXPECT_EQ(outcomes.retried, 0U);
  }
}

TEST(Streaming, AnHttp10ClientSeesACutAsAReset) {
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write("GET /v1/infers/" + std::string(k_service) +
               "/ HTTP/1.0\r\nX-Auth-Token: " + k_token + "\r\n\r\n");
  client.read_all();
  EXPECT_EQ(client.last_error(), ECONNRESET);
}

TEST(Streaming, AClientThatLeavesCancelsItsRequest) {
  std::atomic<bool> ended = false;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.read_more();  // returns when the gateway closes
    ended = true;
  });
  Limits limits;
  limits.half_close_window = Duration::zero();
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  {
    RawConnection client = fixture.connect();
    client.write(request());
    ASSERT_TRUE(fixture.eventually([](const auto& usage) {
      return !usage.instances.empty() && usage.instances[0].in_flight == 1;
    }));
  }
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.client_gone, 1U);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_EQ(outcomes.by_class[0], 1U);
  upstream.stop();
  EXPECT_TRUE(ended);
}

TEST(Streaming, AClientThatOnlyClosesItsSendingSideGetsItsAnswer) {
  RawUpstream upstream(RawUpstream::answering(
      [](const RawMessage& request) { return RawUpstream::ok(request.body); }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/", "half"));
  client.shut_writing();
  EXPECT_EQ(client.read_message().body, "half");
  EXPECT_EQ(client.read_all(), "");
}

TEST(Streaming, AnUpgradedConnectionIsATunnel) {
  RawUpstream upstream([](RawConnection& connection) {
    const RawMessage request = connection.read_message();
    if (request.field("upgrade") != "websocket" || request.field("connection") != "upgrade") return;
    connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\n\r\nwelcome");
    while (connection.read_more()) {
      connection.write("<" + std::exchange(connection.buffered(), {}) + ">");
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write(request("/ws", "", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "GET"));
  ASSERT_TRUE(client.read_until("welcome"));
  EXPECT_TRUE(client.buffered().starts_with("HTTP/1.1 101 "));
  for (const std::string text : {"one", "two"}) {
    client.write(text);
    ASSERT_TRUE(client.read_until("<" + text + ">"));
  }
  client.close();
  EXPECT_EQ(fixture.outcomes_of(1).failed, 0U);
}

TEST(Streaming, AnAnswerBeforeTheRequestsEndPasses) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_until("\r\n\r\n");
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    connection.shut_writing();
    connection.read_all();
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  client.write("POST /v1/infers/" + std::string(k_service) + "/ HTTP/1.1\r\nHost: a\r\n" +
               "X-Auth-Token: " + k_token + "\r\nContent-Length: 8000000\r\n\r\nabc");
  const RawMessage answer = client.read_message();
  EXPECT_EQ(answer.status(), 413);
  EXPECT_EQ(answer.body, "big");
}

}  // namespace
}  // namespace hitless::gateway
