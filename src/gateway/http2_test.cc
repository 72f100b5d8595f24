// HTTP/2 by prior knowledge on the plain port: a real gateway between a client that writes frames
// and a raw HTTP/1.1 upstream.
#include <gtest/gtest.h>

#include <condition_variable>
#include <set>

#include "tests/support/http2_call.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

constexpr std::uint32_t k_no_error = 0, k_internal_error = 2, k_cancel = 8, k_calm = 11;

// Waits until somebody opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(k_read_seconds), [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

std::string echo(const RawMessage& request) {
  return RawUpstream::ok(request.start_line() + "|" + request.body);
}

TEST(Http2, AnswersARequestWithoutABody) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream, 7));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("GET", "/x?a=b"));
  const Http2Answer answer = peer.answer(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /x?a=b HTTP/1.1|");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.fields.at("x-hitless-revision"), "7");
  EXPECT_EQ(answer.fields.at("content-type"), "text/plain");
  EXPECT_FALSE(answer.fields.contains("connection"));
}

TEST(Http2, CarriesABodyOfStatedLength) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  for (std::uint32_t id = 1; id < 40; id += 2) {
    peer.headers(id, call("POST", "/", {{"content-length", "5"}}), false);
    peer.data(id, "he", false);
    peer.data(id, "llo");
    EXPECT_EQ(peer.answer(id).body, "POST / HTTP/1.1|hello");
  }
  EXPECT_EQ(upstream.connections(), 1);
  const model::Outcomes outcomes = fixture.outcomes_of(20);
  EXPECT_EQ(outcomes.requests, 20U);
  EXPECT_EQ(outcomes.by_class[2], 20U);
  EXPECT_EQ(outcomes.client_gone, 0U);
}

TEST(Http2, CarriesABodyOfUnknownLengthAndItsTrailersInChunks) {
  std::mutex mutex;
  std::string seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request.wire;
    return RawUpstream::ok(request.body);
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call(), false);
  peer.data(1, "abc", false);
  peer.data(1, "", false);
  peer.data(1, "defgh", false);
  peer.headers(1, {{"x-sum", "8"}});
  EXPECT_EQ(peer.answer(1).body, "abcdefgh");
  const std::lock_guard<std::mutex> lock(mutex);
  EXPECT_TRUE(seen.ends_with("3\r\nabc\r\n5\r\ndefgh\r\n0\r\nx-sum: 8\r\n\r\n")) << seen;
}

TEST(Http2, WritesTheHeadAsHttp11HasIt) {
  std::mutex mutex;
  std::string seen;
  RawUpstream upstream(RawUpstream::answering([&](const RawMessage& request) {
    const std::lock_guard<std::mutex> lock(mutex);
    seen = request.head;
    return RawUpstream::ok("x");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1,
               call("POST", "/p",
                    {{"cookie", "a=1"}, {"cookie", "b=2"}, {"te", "trailers"}, {"x-other", "o"}}));
  EXPECT_EQ(peer.answer(1).status, 200);
  const std::lock_guard<std::mutex> lock(mutex);
  EXPECT_TRUE(seen.starts_with("POST /p HTTP/1.1\r\nhost: test\r\n")) << seen;
  EXPECT_NE(seen.find("\r\ncookie: a=1; b=2\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nx-other: o\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\ncontent-length: 0\r\n"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("te:"), std::string::npos) << seen;
  EXPECT_EQ(seen.find(k_token), std::string::npos) << seen;
}

TEST(Http2, TurnsChunkedAnswersAndTheirTrailersIntoFrames) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage&) {
    return std::string(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nKeep-Alive: "
        "timeout=9\r\n"
        "\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum:  5 \r\nX-More: m\r\n\r\n");
  }));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  for (std::uint32_t id = 1; id < 6; id += 2) {
    peer.headers(id, call("GET"));
    const Http2Answer answer = peer.answer(id);
    EXPECT_EQ(answer.body, "abcde");
    EXPECT_EQ(answer.trailers,
              (std::map<std::string, std::string>{{"x-sum", "5"}, {"x-more", "m"}}));
    EXPECT_EQ(answer.fields.at("trailer"), "X-Sum");
    EXPECT_FALSE(answer.fields.contains("transfer-encoding"));
    EXPECT_FALSE(answer.fields.contains("keep-alive"));
    EXPECT_TRUE(answer.whole);
  }
  EXPECT_EQ(upstream.connections(), 1);
}

TEST(Http2, AnAnswerThatEndsWithItsConnectionEndsTheStream) {
  RawUpstream upstream([](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\n\r\nto the end");
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  EXPECT_EQ(peer.answer(1).body, "to the end");
  EXPECT_TRUE(peer.answer(1).whole);
  peer.headers(3, call());
  EXPECT_TRUE(peer.answer(3).whole);
  EXPECT_EQ(fixture.outcomes_of(2).failed, 0U);
}

TEST(Http2, BodilessAndInterimAnswersPass) {
  RawUpstream upstream([](RawConnection& connection) {
    for (;;) {
      const RawMessage request = connection.read_message();
      if (!request.whole) return;
      if (request.head.starts_with("HEAD")) {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      } else if (request.head.find("/204") != std::string::npos) {
        connection.write("HTTP/1.1 204 No Content\r\n\r\n");
      } else {
        connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + RawUpstream::ok("late"));
      }
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("HEAD"));
  EXPECT_EQ(peer.answer(1).fields.at("content-length"), "1000");
  EXPECT_TRUE(peer.answer(1).whole);
  peer.headers(3, call("GET", "/204"));
  EXPECT_EQ(peer.answer(3).status, 204);
  peer.headers(5, call("GET", "/103"));
  EXPECT_EQ(peer.answer(5).interim, std::vector<int>{103});
  EXPECT_EQ(peer.answer(5).body, "late");
}

TEST(Http2, Expect100IsAnsweredBeforeTheBodyComes) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("POST", "/", {{"expect", "100-continue"}, {"content-length", "2"}}), false);
  while (peer.so_far(1).interim.empty()) ASSERT_NE(peer.read().type, -1);
  EXPECT_EQ(peer.so_far(1).interim, std::vector<int>{100});
  peer.data(1, "ab");
  EXPECT_EQ(peer.answer(1).body, "POST / HTTP/1.1|ab");
}

TEST(Http2, ManyStreamsAreServedAtOnce) {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  constexpr int k_streams = 100;
  RawUpstream upstream([&](RawConnection& connection) {
    const RawMessage request = connection.read_message();
    if (!request.whole) return;
    std::unique_lock<std::mutex> lock(mutex);
    ++waiting;
    changed.notify_all();
    if (!changed.wait_for(lock, std::chrono::seconds(k_read_seconds),
                          [&] { return waiting == k_streams; })) {
      return;
    }
    lock.unlock();
    connection.write(echo(request));
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  for (std::uint32_t i = 0; i < k_streams; ++i) {
    peer.headers(2 * i + 1, call("POST", "/" + std::to_string(i)), false);
    peer.data(2 * i + 1, "body " + std::to_string(i));
  }
  for (std::uint32_t i = 0; i < k_streams; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(peer.answer(2 * i + 1).body, "POST /" + number + " HTTP/1.1|body " + number);
  }
  EXPECT_EQ(fixture.outcomes_of(k_streams).by_class[2], std::uint64_t{k_streams});
}

TEST(Http2, OurOwnAnswersComeAsFrames) {
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt({}));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("GET"));
  EXPECT_EQ(peer.answer(1).status, 404);
  EXPECT_NE(peer.answer(1).body.find("ModelArts.4204"), std::string::npos);
  peer.headers(
      3, {{":method", "GET"}, {":scheme", "http"}, {":path", "/healthz"}, {":authority", "a"}});
  EXPECT_EQ(peer.answer(3).body, R"({"status":"ok"})");
  Http2Fields without_token = call();
  without_token.pop_back();
  peer.headers(5, without_token);
  EXPECT_EQ(peer.answer(5).status, 401);
  EXPECT_EQ(peer.answer(5).fields.at("www-authenticate"), "Bearer");
}

// RFC 9113 section 8.1: the answer first, then the client may stop sending.
TEST(Http2, ABodyThatIsTooLargeIsAnsweredAndGivenUp) {
  RawUpstream upstream(RawUpstream::answering(echo));
  Limits limits;
  limits.body_bytes_max = 100'000;
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("POST", "/", {{"content-length", "100001"}}), false);
  EXPECT_EQ(peer.answer(1).status, 413);
  EXPECT_TRUE(peer.answer(1).whole);
  while (!peer.so_far(1).reset.has_value()) ASSERT_NE(peer.read().type, -1);
  EXPECT_EQ(peer.so_far(1).reset, k_no_error);
  peer.headers(3, call());
  EXPECT_EQ(peer.answer(3).status, 200);
}

TEST(Http2, AnAnswerThatBreaksOffResetsItsStreamAlone) {
  RawUpstream upstream([](RawConnection& connection) {
    const RawMessage request = connection.read_message();
    if (request.head.find("/cut") != std::string::npos) {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    } else {
      connection.write(RawUpstream::ok("fine"));
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("GET", "/cut"));
  EXPECT_EQ(peer.answer(1).reset, k_internal_error);
  EXPECT_FALSE(peer.answer(1).whole);
  peer.headers(3, call("GET"));
  EXPECT_EQ(peer.answer(3).body, "fine");
  EXPECT_EQ(fixture.outcomes_of(2).cut, 1U);
}

// A cancelled stream is accounted once, gives its lease back and closes the instance's connection.
TEST(Http2, ACancelledStreamEndsItsRequest) {
  std::atomic<bool> closed = false;
  Gate seen;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_message().whole) return;
    seen.open();
    closed = !connection.read_more();
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  ASSERT_TRUE(seen.wait());
  peer.reset(1, k_cancel);
  EXPECT_TRUE(peer.ping());
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.requests, 1U);
  EXPECT_EQ(outcomes.client_gone, 1U);
  EXPECT_EQ(outcomes.failed, 0U);
  EXPECT_TRUE(fixture.eventually([](const model::Usage& usage) {
    return std::all_of(usage.instances.begin(), usage.instances.end(),
                       [](const auto& instance) { return instance.in_flight == 0; });
  }));
  upstream.stop();
  EXPECT_TRUE(closed);
}

TEST(Http2, AConnectionThatEndsCancelsAllItsStreamsOnce) {
  std::atomic<int> seen = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_message().whole) return;
    ++seen;
    connection.read_more();
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  {
    Http2Peer peer(fixture.address());
    for (std::uint32_t id = 1; id < 20; id += 2) peer.headers(id, call());
    EXPECT_TRUE(peer.ping());
  }
  const model::Outcomes outcomes = fixture.outcomes_of(10);
  EXPECT_EQ(outcomes.requests, 10U);
  EXPECT_EQ(outcomes.client_gone, 10U);
}

// An upload goes on only as the instance takes it: the window stays shut meanwhile.
TEST(Http2, ASlowInstanceStopsTheClientByItsWindow) {
  Gate go_on;
  constexpr std::size_t k_body = 8 * 1024 * 1024;
  std::atomic<std::size_t> got = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    if (!connection.read_until("\r\n\r\n") || !go_on.wait()) return;
    std::size_t size = connection.buffered().size() - connection.buffered().find("\r\n\r\n") - 4;
    while (size < k_body) {
      connection.buffered().clear();
      if (!connection.read_more()) return;
      size += connection.buffered().size();
    }
    got = size;
    connection.write(RawUpstream::ok("all"));
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("POST", "/", {{"content-length", std::to_string(k_body)}}), false);
  std::int64_t stream_window = 65'535, connection_window = 65'535;
  const auto note = [&](const Http2Frame& frame) {
    if (frame.type == Http2Frame::settings && frame.flags == 0) {
      for (std::size_t at = 0; at < frame.payload.size(); at += 6) {
        if (frame.payload[at + 1] == 4) stream_window += frame.number(at + 2) - 65'535;
      }
    }
    if (frame.type != Http2Frame::window_update) return;
    (frame.stream == 0 ? connection_window : stream_window) += frame.number(0);
  };
  std::size_t sent = 0;
  const auto send_what_is_allowed = [&] {
    while (sent < k_body && stream_window > 0 && connection_window > 0) {
      const auto size =
          static_cast<std::size_t>(std::min({std::int64_t{16'384}, stream_window, connection_window,
                                             static_cast<std::int64_t>(k_body - sent)}));
      ASSERT_TRUE(peer.data(1, std::string(size, 'x'), sent + size == k_body));
      sent += size;
      stream_window -= static_cast<std::int64_t>(size);
      connection_window -= static_cast<std::int64_t>(size);
    }
  };
  // Until a ping comes back with nothing for our windows before it.
  std::size_t before = 1;
  while (before != sent) {
    before = sent;
    peer.send(Http2Frame::ping, 0, 0, "12345678");
    for (Http2Frame frame = peer.read();; frame = peer.read()) {
      ASSERT_NE(frame.type, -1);
      note(frame);
      send_what_is_allowed();
      if (frame.type == Http2Frame::ping) break;
    }
  }
  // What the sockets between us and the instance hold comes on top.
  EXPECT_LT(sent, k_body) << "nothing stops the client";
  go_on.open();
  while (!peer.so_far(1).whole) {
    const Http2Frame frame = peer.read();
    ASSERT_NE(frame.type, -1);
    note(frame);
    send_what_is_allowed();
  }
  EXPECT_EQ(got, k_body);
  EXPECT_EQ(peer.so_far(1).body, "all");
}

// A client that opens no window stops its instance, and no other stream.
TEST(Http2, AShutWindowStopsTheInstanceAndNoOtherStream) {
  constexpr std::size_t k_body = 32 * 1024 * 1024;
  std::atomic<std::size_t> written = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    for (;;) {
      const RawMessage request = connection.read_message();
      if (!request.whole) return;
      if (request.head.find("/large") == std::string::npos) {
        connection.write(RawUpstream::ok("small"));
        continue;
      }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(k_body) + "\r\n\r\n");
      const std::string piece(64 * 1024, 'y');
      for (std::size_t sent = 0; sent < k_body; sent += piece.size()) {
        if (!connection.write(piece)) return;
        written += piece.size();
      }
    }
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.open_window(0, 100'000'000);
  peer.headers(1, call("GET", "/large"));
  while (peer.so_far(1).body.size() < 65'535) ASSERT_NE(peer.read().type, -1);
  for (std::uint32_t id = 3; id < 103; id += 2) {
    peer.headers(id, call("GET"));
    ASSERT_EQ(peer.answer(id).body, "small");
  }
  EXPECT_EQ(peer.so_far(1).body.size(), 65'535U);
  EXPECT_LT(written, k_body);
  peer.open_window(1, k_body);
  EXPECT_EQ(peer.answer(1).body.size(), k_body);
  EXPECT_EQ(fixture.outcomes_of(51).by_class[2], 51U);
}

TEST(Http2, AClientThatReadsNothingIsGivenUp) {
  Limits limits;
  limits.write_stall_timeout = std::chrono::milliseconds(100);
  RawUpstream upstream(RawUpstream::answering(
      [](const RawMessage&) { return RawUpstream::ok(std::string(1 << 20, 'z')); }));
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  EXPECT_EQ(peer.answer(1).reset, k_cancel);
  EXPECT_EQ(fixture.outcomes_of(1).client_gone, 1U);
}

TEST(Http2, AHeldRequestIsServedWhenItsServiceIs) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  model::ServiceRoute route = serving({});
  route.standing = model::Standing::not_ready;
  ASSERT_TRUE(fixture.adopt({route}));
  Http2Peer peer(fixture.address());
  peer.headers(1, call(), false);
  peer.data(1, "held");
  EXPECT_TRUE(peer.ping());
  ASSERT_TRUE(fixture.adopt_one(upstream));
  EXPECT_EQ(peer.answer(1).body, "POST / HTTP/1.1|held");
  EXPECT_EQ(fixture.outcomes_of(1).held, 1U);
}

TEST(Http2, AHeldRequestWaitsNoLongerThanItMay) {
  Limits limits;
  limits.hold_timeout = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits);
  model::ServiceRoute route = serving({});
  route.standing = model::Standing::not_ready;
  ASSERT_TRUE(fixture.adopt({route}));
  Http2Peer peer(fixture.address());
  peer.headers(1, call("POST", "/", {{"content-length", "4"}}), false);
  EXPECT_TRUE(peer.ping());
  peer.data(1, "body");
  EXPECT_EQ(peer.answer(1).status, 503);
  // HTTP/1.1 in the same way: the body comes apart from its head.
  RawConnection client = fixture.connect();
  const std::string text = request("/", "body");
  client.write(text.substr(0, text.size() - 4));
  EXPECT_TRUE(peer.ping());
  client.write("body");
  EXPECT_EQ(client.read_message().status(), 503);
}

TEST(Http2, ADrainFinishesWhatIsOpenAndSaysGoaway) {
  Gate go_on, seen;
  RawUpstream upstream([&](RawConnection& connection) {
    const RawMessage request = connection.read_message();
    if (!request.whole) return;
    seen.open();
    if (go_on.wait()) connection.write(echo(request));
  });
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  ASSERT_TRUE(seen.wait());
  std::thread stopping([&] { fixture.gateway().stop(std::chrono::seconds(k_read_seconds)); });
  // The first says that the end is near, the second where it is.
  EXPECT_EQ(peer.read(Http2Frame::goaway).last_stream(), 0x7fffffffU);
  const Http2Frame ping = peer.read(Http2Frame::ping);
  peer.send(Http2Frame::ping, Http2Frame::k_ack, 0, ping.payload);
  const Http2Frame last = peer.read(Http2Frame::goaway);
  EXPECT_EQ(last.last_stream(), 1U);
  EXPECT_EQ(last.code(), k_no_error);
  go_on.open();
  EXPECT_EQ(peer.answer(1).body, "POST / HTTP/1.1|");
  peer.read_to_end();
  EXPECT_EQ(peer.connection().last_error(), 0);
  peer.connection().close();
  stopping.join();
}

TEST(Http2, AnIdleConnectionDoesNotHoldADrain) {
  RawUpstream upstream(RawUpstream::answering(echo));
  Limits limits;
  limits.http2_goaway_wait = std::chrono::milliseconds(50);
  limits.linger_timeout = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  EXPECT_EQ(peer.answer(1).status, 200);
  // It answers nothing: neither the ping nor the connection's end.
  const auto began = std::chrono::steady_clock::now();
  fixture.gateway().stop(std::chrono::hours(1));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(k_read_seconds));
  EXPECT_EQ(peer.read_to_end()->code(), k_no_error);
}

TEST(Http2, AConnectionThatIdlesTooLongIsToldGoaway) {
  Limits limits;
  limits.idle_timeout = std::chrono::milliseconds(50);
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.headers(1, call());
  EXPECT_EQ(peer.answer(1).status, 200);
  const auto goaway = peer.read_to_end();
  ASSERT_TRUE(goaway.has_value());
  EXPECT_EQ(goaway->code(), k_no_error);
  EXPECT_EQ(goaway->last_stream(), 1U);
}

TEST(Http2, AHeadThatIsNeverWholeEndsTheConnection) {
  Limits limits;
  limits.head_timeout = std::chrono::milliseconds(50);
  GatewayFixture fixture(limits);
  ASSERT_TRUE(fixture.adopt({}));
  Http2Peer peer(fixture.address());
  peer.acknowledge_settings(false);  // which would break into the head
  peer.send(Http2Frame::headers, 0, 1, literals(call()));
  const auto goaway = peer.read_to_end();
  ASSERT_TRUE(goaway.has_value());
  EXPECT_EQ(goaway->code(), k_calm);
}

TEST(Http2, ThePrefaceMayComeByteByByte) {
  RawUpstream upstream(RawUpstream::answering(echo));
  GatewayFixture fixture;
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect();
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const char byte : preface) ASSERT_TRUE(client.write(std::string(1, byte)));
  ASSERT_TRUE(client.write(Http2Peer::frame(Http2Frame::settings, 0, 0, "")));
  ASSERT_TRUE(client.read_more());
  EXPECT_EQ(client.buffered()[3], Http2Frame::settings);
  // What only begins like it is HTTP/1.1 of another version.
  EXPECT_EQ(fixture.call("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").status(), 505);
}

}  // namespace
}  // namespace hitless::gateway
