// Streams whose instance leaves the table, or whose gateway goes: how long they may last, and how
// they are ended.
#include <gtest/gtest.h>

#include <future>
#include <regex>

#include "tests/support/gateway_fixture.h"
#include "tests/support/http2_peer.h"
#include "tests/support/websocket_peer.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language
using std::chrono::milliseconds;

constexpr Duration k_short = milliseconds(150);

std::string chunk(std::string_view data) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

std::string head_of(std::string_view type, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(more) +
         "\r\n";
}

// An instance that sends what the test tells it to.
class Speaker {
 public:
  Speaker()
      : upstream_([this](RawConnection& connection) {
          if (!connection.read_message().whole) return;
          std::size_t said = 0;
          std::unique_lock<std::mutex> lock(mutex_);
          begun_ = true;
          while (!over_) {
            changed_.wait(lock, [&] { return over_ || said < words_.size(); });
            while (said < words_.size()) {
              const std::string word = words_[said++];
              lock.unlock();
              connection.write(word);
              lock.lock();
            }
          }
          lock.unlock();
          ended_.set_value(connection.read_all());
        }) {}
  ~Speaker() { stop(); }

  void say(std::string word) {
    const std::lock_guard<std::mutex> lock(mutex_);
    words_.push_back(std::move(word));
    changed_.notify_all();
  }
  // Says no more; what came from the gateway behind the request, when it has ended.
  std::string stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
      changed_.notify_all();
      if (!begun_ || !end_.valid()) return "";
    }
    if (end_.wait_for(std::chrono::seconds(k_read_seconds)) != std::future_status::ready) {
      return "the gateway does not close";
    }
    return end_.get();
  }
  const Address& address() const { return upstream_.address(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> words_;
  bool begun_ = false;
  bool over_ = false;
  std::promise<std::string> ended_;
  std::future<std::string> end_ = ended_.get_future();
  RawUpstream upstream_;
};

class StreamDrain : public ::testing::Test {
 protected:
  StreamDrain()
      : next_(RawUpstream::answering([](const RawMessage&) { return RawUpstream::ok("next"); })) {}

  static Limits impatient() {
    Limits limits;
    limits.parting_patience = milliseconds(100);
    return limits;
  }
  model::ServiceRoute route(const Address& address, const std::string& instance,
                            std::optional<Duration> budget) const {
    model::ServiceRoute made = serving({{1, 100, {endpoint(instance, address)}}});
    if (budget.has_value()) made.traffic.stream_drain = *budget;
    return made;
  }
  bool serve(const Address& address) { return fixture_.adopt({route(address, "old", {})}); }
  // Another instance takes its place.
  bool take_out(std::optional<Duration> budget = k_short) {
    return fixture_.adopt({route(next_.address(), "next", budget)});
  }
  // A client with an event stream on the instance, of which it has read so much.
  RawConnection begin(Speaker& speaker, const std::string& head, const std::string& first) {
    EXPECT_TRUE(serve(speaker.address()));
    speaker.say(head + first);
    RawConnection client = fixture_.connect();
    client.write(request("/events"));
    EXPECT_TRUE(client.read_until(first.empty() ? "\r\n\r\n" : first));
    return client;
  }
  static std::string events_head() {
    return head_of("text/event-stream; charset=utf-8", "Transfer-Encoding: chunked\r\n");
  }
  static bool is_farewell(const std::string& text) {
    static const std::regex k_form(
        "event: error\nretry: [0-9]{3,4}\ndata: \\{\"error_code\":\"ModelArts.4700\","
        "\"error_msg\":\"[^\"]+\",\"request_id\":\"[0-9a-f]{32}\"\\}\n\n");
    return std::regex_match(text, k_form);
  }
  void expect_parted(std::uint64_t parted, std::uint64_t cut) {
    const model::Outcomes outcomes = fixture_.outcomes_of(1);
    EXPECT_EQ(outcomes.parted, parted);
    EXPECT_EQ(outcomes.cut, cut);
    EXPECT_EQ(outcomes.failed, cut);
    EXPECT_EQ(outcomes.streams, 0U);
    EXPECT_TRUE(fixture_.eventually([](const model::Usage& usage) {
      const model::InstanceUsage* old = usage.find(model::InstanceId("old"));
      return old == nullptr || (old->in_flight == 0 && old->streams == 0);
    }));
  }

  RawUpstream next_;
  GatewayFixture fixture_{impatient()};
};

TEST_F(StreamDrain, AnEventStreamIsToldAndEndsAsAStreamEnds) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 1\n\n"));
  EXPECT_TRUE(fixture_.eventually([](const model::Usage& usage) {
    const model::InstanceUsage* old = usage.find(model::InstanceId("old"));
    return old != nullptr && old->streams == 1;
  }));
  ASSERT_TRUE(take_out());
  // It goes on until its time is over.
  speaker.say(chunk("data: 2\n\n"));
  ASSERT_TRUE(client.read_until("data: 2\n\n"));
  const RawMessage answer = client.read_message();
  EXPECT_TRUE(answer.whole) << answer.wire;
  ASSERT_TRUE(answer.body.starts_with("data: 1\n\ndata: 2\n\n")) << answer.body;
  EXPECT_TRUE(is_farewell(answer.body.substr(18))) << answer.body;
  EXPECT_EQ(speaker.stop(), "");
  expect_parted(1, 0);
  // The client's connection is as good as before.
  client.write(request());
  EXPECT_EQ(client.read_message().body, "next");
}

TEST_F(StreamDrain, AStreamMayLastWhileItsInstanceIsInTheTable) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 1\n\n"));
  ASSERT_TRUE(fixture_.adopt({route(speaker.address(), "old", milliseconds(100))}));
  // Taken out with a long budget, and back again before a short one.
  ASSERT_TRUE(take_out(std::chrono::hours(1)));
  ASSERT_TRUE(fixture_.adopt({route(speaker.address(), "old", k_short)}));
  EXPECT_TRUE(fixture_.eventually([](const model::Usage& usage) {
    const model::InstanceUsage* old = usage.find(model::InstanceId("old"));
    return old != nullptr && old->streams == 1;
  }));
  Speaker other;
  ASSERT_TRUE(fixture_.adopt({serving({{1, 100, {endpoint("old", speaker.address())}}}),
                              serving({{1, 100, {endpoint("other", other.address())}}},
                                      "22222222-2222-3333-4444-555555555555")}));
  speaker.say(chunk("data: 2\n\n") + "0\r\n\r\n");
  EXPECT_EQ(client.read_message().body, "data: 1\n\ndata: 2\n\n");
  EXPECT_EQ(fixture_.outcomes_of(1).streams, 1U);
  EXPECT_EQ(fixture_.outcomes_of(1).parted, 0U);
}

TEST_F(StreamDrain, AShorterBudgetHoldsForStreamsThatDrainAlready) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 1\n\n"));
  ASSERT_TRUE(take_out(std::chrono::hours(1)));
  ASSERT_TRUE(take_out(k_short));
  const RawMessage answer = client.read_message();
  EXPECT_TRUE(answer.whole);
  EXPECT_TRUE(is_farewell(answer.body.substr(9))) << answer.body;
  expect_parted(1, 0);
}

// Waits for the token; false: the stream has ended without it.
bool comes(RawConnection& client, const std::string& token) {
  for (;;) {
    const std::string& so_far = client.buffered();
    if (so_far.find(token) != std::string::npos) return true;
    if (so_far.ends_with("\r\n0\r\n\r\n") || !client.read_more()) return false;
  }
}

// Whenever the budget ends: an event that has begun comes whole, and nothing behind it.
TEST_F(StreamDrain, AnEventUnderWayComesWhole) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 0"));
  ASSERT_TRUE(take_out());
  std::string expected = "data: 0\n\n";
  int count = 0;
  speaker.say(chunk("\n\n"));
  for (;;) {
    const std::string begun = "data: " + std::to_string(++count) + "~";
    speaker.say(chunk(begun));
    if (!comes(client, begun)) break;
    const std::string rest = "rest of " + std::to_string(count) + "~\n\n";
    speaker.say(chunk(rest));
    EXPECT_TRUE(comes(client, rest)) << count;
    expected += begun + rest;
  }
  const RawMessage answer = client.read_message();
  EXPECT_TRUE(answer.whole);
  ASSERT_TRUE(answer.body.starts_with(expected)) << answer.body;
  EXPECT_TRUE(is_farewell(answer.body.substr(expected.size()))) << answer.body;
  expect_parted(1, 0);
}

TEST_F(StreamDrain, AnEventThatIsNeverWholeIsNotMadeOne) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 1\n\n") + chunk("data: ha"));
  ASSERT_TRUE(take_out());
  const RawMessage answer = client.read_message();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "data: 1\n\ndata: ha") << "a reader drops what no empty line ends";
  expect_parted(1, 0);
}

TEST_F(StreamDrain, AChunkThatIsNeverWholeIsACut) {
  Speaker speaker;
  RawConnection client = begin(speaker, events_head(), chunk("data: 1\n\n") + "10\r\ndata: ha");
  ASSERT_TRUE(take_out());
  EXPECT_FALSE(client.read_message().whole);
  expect_parted(0, 1);
}

TEST_F(StreamDrain, EventsWithoutChunksEndWithTheConnection) {
  Speaker speaker;
  RawConnection client = begin(speaker, head_of("text/event-stream"), "data: 1\r\n\r\n");
  ASSERT_TRUE(take_out());
  const RawMessage answer = client.read_message();
  EXPECT_TRUE(answer.whole) << "an orderly end";
  ASSERT_TRUE(answer.body.starts_with("data: 1\r\n\r\n"));
  EXPECT_TRUE(is_farewell(answer.body.substr(11))) << answer.body;
  expect_parted(1, 0);
}

TEST_F(StreamDrain, AnHttp10ClientIsToldToo) {
  Speaker speaker;
  ASSERT_TRUE(serve(speaker.address()));
  speaker.say(events_head() + chunk("data: 1\n\n"));
  RawConnection client = fixture_.connect();
  client.write("GET /v1/infers/" + std::string(k_service) +
               "/ HTTP/1.0\r\nX-Auth-Token: " + k_token + "\r\n\r\n");
  ASSERT_TRUE(client.read_until("data: 1\n\n"));
  ASSERT_TRUE(take_out());
  const std::string all = client.read_all();
  EXPECT_EQ(client.last_error(), 0);
  const std::size_t at = all.find("data: 1\n\n");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(is_farewell(all.substr(at + 9))) << all;
  expect_parted(1, 0);
}

// Half of any other answer must not pass for the whole.
TEST_F(StreamDrain, WhatHasNoWordForItIsCut) {
  const std::string compressed = "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n";
  for (const std::string& head :
       {head_of("application/x-ndjson", "Transfer-Encoding: chunked\r\n"),
        head_of("text/event-stream", compressed), head_of("text/event-streams", compressed)}) {
    GatewayFixture fixture(impatient());
    Speaker speaker;
    ASSERT_TRUE(fixture.adopt({route(speaker.address(), "old", {})}));
    speaker.say(head + chunk("{}\n\n"));
    RawConnection client = fixture.connect();
    client.write(request());
    ASSERT_TRUE(client.read_until("{}\n\n"));
    ASSERT_TRUE(fixture.adopt({route(next_.address(), "next", k_short)}));
    EXPECT_FALSE(client.read_message().whole);
    EXPECT_EQ(fixture.outcomes_of(1).cut, 1U);
    EXPECT_EQ(fixture.outcomes_of(1).parted, 0U);
  }
}

// An answer of stated length is a request like others: it has its instance's budget.
TEST_F(StreamDrain, AnAnswerOfStatedLengthIsNoStream) {
  Speaker speaker;
  RawConnection client =
      begin(speaker, head_of("text/event-stream", "Content-Length: 18\r\n"), "data: 1\n\n");
  ASSERT_TRUE(take_out());
  Speaker stream;
  {
    // A stream beside it is over when its budget is; so is the other one's, if it had one.
    ASSERT_TRUE(serve(stream.address()));
    stream.say(events_head() + chunk("data: 1\n\n"));
    RawConnection other = fixture_.connect();
    other.write(request());
    ASSERT_TRUE(other.read_until("data: 1\n\n"));
    ASSERT_TRUE(take_out());
    EXPECT_TRUE(other.read_message().whole);
  }
  speaker.say("data: 2\n\n");
  EXPECT_EQ(client.read_message().body, "data: 1\n\ndata: 2\n\n");
  EXPECT_EQ(fixture_.outcomes_of(2).cut, 0U);
}

TEST_F(StreamDrain, AnEventStreamOverHttp2Ends) {
  Speaker speaker;
  ASSERT_TRUE(serve(speaker.address()));
  speaker.say(events_head() + chunk("data: 1\n\n"));
  Http2Peer peer(fixture_.address());
  const Http2Fields fields = {{":method", "GET"},
                              {":scheme", "http"},
                              {":authority", "test"},
                              {":path", "/v1/infers/" + std::string(k_service) + "/"},
                              {"x-auth-token", k_token}};
  peer.headers(1, fields);
  while (peer.so_far(1).body.empty()) ASSERT_NE(peer.read().type, -1);
  ASSERT_TRUE(take_out());
  const Http2Answer answer = peer.answer(1);
  EXPECT_TRUE(answer.whole);
  EXPECT_FALSE(answer.reset.has_value());
  ASSERT_TRUE(answer.body.starts_with("data: 1\n\n"));
  EXPECT_TRUE(is_farewell(answer.body.substr(9))) << answer.body;
  expect_parted(1, 0);
  peer.headers(3, fields);
  EXPECT_EQ(peer.answer(3).body, "next");
}

class WebSocketDrain : public StreamDrain {
 protected:
  WebSocketDrain()
      : echo_(echoing_frames([this](const WebSocketFrame& frame) {
          const std::lock_guard<std::mutex> lock(mutex_);
          seen_.push_back(frame);
          changed_.notify_all();
        })) {}

  WebSocketPeer open() {
    EXPECT_TRUE(serve(echo_.address()));
    WebSocketPeer peer(fixture_.connect());
    EXPECT_EQ(peer.upgrade(request("/ws", "", WebSocketPeer::k_fields, "GET")).status(), 101);
    return peer;
  }
  bool instance_sees(const WebSocketFrame& frame) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(k_read_seconds), [&] {
      return std::find(seen_.begin(), seen_.end(), frame) != seen_.end();
    });
  }
  static WebSocketFrame going_away() {
    return close_frame(1001, "The stream was ended because what serves it goes. Ask again.");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WebSocketFrame> seen_;
  RawUpstream echo_;
};

TEST_F(WebSocketDrain, BothSidesAreToldThatItGoesAway) {
  WebSocketPeer peer = open();
  const WebSocketFrame hello{.payload = "hello"};
  EXPECT_EQ(peer.echo(hello), hello);
  ASSERT_TRUE(take_out());
  EXPECT_EQ(peer.read(), going_away());
  EXPECT_TRUE(instance_sees(going_away()));
  EXPECT_TRUE(peer.send(going_away())) << "there is time for the answer";
  EXPECT_EQ(peer.read(), std::nullopt);
  EXPECT_EQ(peer.connection().last_error(), 0) << "an orderly end";
  expect_parted(1, 0);
}

// A frame that has begun comes whole, whenever the budget ends.
TEST_F(WebSocketDrain, AFrameUnderWayComesWhole) {
  WebSocketPeer peer = open();
  ASSERT_TRUE(take_out());
  const WebSocketFrame large{.opcode = WebSocketFrame::binary,
                             .payload = std::string(300'000, 'x')};
  for (;;) {
    ASSERT_TRUE(peer.send(large) || true);  // it may be over at any moment
    const auto frame = peer.read();
    ASSERT_TRUE(frame.has_value());
    if (frame->opcode == WebSocketFrame::close) {
      EXPECT_EQ(*frame, going_away());
      break;
    }
    EXPECT_EQ(*frame, large);
  }
  expect_parted(1, 0);
}

// The last frame of an instance that stops in the middle of one never comes.
TEST_F(WebSocketDrain, AFrameThatIsNeverWholeIsACut) {
  Speaker speaker;
  const std::string half = to_wire({.payload = "hello"}, false).substr(0, 4);
  ASSERT_TRUE(serve(speaker.address()));
  speaker.say(std::string(WebSocketPeer::k_accepted) + half);
  RawConnection client = fixture_.connect();
  client.write(request("/ws", "", WebSocketPeer::k_fields, "GET"));
  ASSERT_TRUE(client.read_until(half));
  ASSERT_TRUE(take_out());
  EXPECT_FALSE(client.read_more());
  expect_parted(0, 1);
}

TEST_F(WebSocketDrain, ATunnelOfAnotherKindIsCut) {
  Speaker speaker;
  ASSERT_TRUE(serve(speaker.address()));
  speaker.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\nhi");
  RawConnection client = fixture_.connect();
  client.write(request("/ws", "", "Connection: Upgrade\r\nUpgrade: chat\r\n", "GET"));
  ASSERT_TRUE(client.read_until("\r\n\r\nhi"));
  ASSERT_TRUE(take_out());
  EXPECT_FALSE(client.read_more());
  expect_parted(0, 1);
}

// A gateway that ends tells its streams before its time is over, and is then as fast as they are.
TEST_F(WebSocketDrain, AGatewayThatEndsTellsBothKinds) {
  Speaker speaker;
  RawConnection events = begin(speaker, events_head(), chunk("data: 1\n\n"));
  WebSocketPeer peer = open();
  auto stopped =
      std::async(std::launch::async, [this] { fixture_.gateway().stop(std::chrono::seconds(1)); });
  const RawMessage answer = events.read_message();
  EXPECT_TRUE(answer.whole);
  EXPECT_TRUE(is_farewell(answer.body.substr(9))) << answer.body;
  EXPECT_EQ(peer.read(), going_away());
  peer.connection().close();
  events.close();
  stopped.get();
}

}  // namespace
}  // namespace hitless::gateway
