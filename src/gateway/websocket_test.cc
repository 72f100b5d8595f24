// WebSockets through the gateway: what one side says arrives at the other one frame by frame, and
// so does the way it ends (after the cases that Autobahn tries).
#include <gtest/gtest.h>

#include <future>

#include "tests/support/gateway_fixture.h"
#include "tests/support/websocket_peer.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language
using Frame = WebSocketFrame;

std::string upgrade_request() {
  return request("/ws", "", WebSocketPeer::k_fields, "GET");
}

// A service whose instance sends frames back, and a client of it.
class WebSocket : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fixture_.adopt_one(instance_)); }

  WebSocketPeer open() {
    WebSocketPeer peer(fixture_.connect());
    const RawMessage accepted = peer.upgrade(upgrade_request());
    EXPECT_EQ(accepted.status(), 101);
    EXPECT_EQ(accepted.field("upgrade"), "websocket");
    EXPECT_EQ(accepted.field("connection"), "upgrade");
    EXPECT_EQ(accepted.field("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    return peer;
  }
  // Waits for the end of the one WebSocket: counted as one stream that ended whole.
  void expect_one_good() {
    const model::Outcomes outcomes = fixture_.outcomes_of(1);
    EXPECT_EQ(outcomes.by_class[1], 1U);
    EXPECT_EQ(outcomes.failed, 0U);
    EXPECT_EQ(outcomes.cut, 0U);
  }
  bool sees(const Frame& frame) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(k_read_seconds), [&] {
      return std::find(seen_.begin(), seen_.end(), frame) != seen_.end();
    });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Frame> seen_;
  GatewayFixture fixture_;
  RawUpstream instance_{echoing_frames([this](const Frame& frame) {
    const std::lock_guard<std::mutex> lock(mutex_);
    seen_.push_back(frame);
    changed_.notify_all();
  })};
};

// 1.1, 1.2: every form of the length.
TEST_F(WebSocket, MessagesOfAnyLengthComeBackAsTheyWere) {
  WebSocketPeer peer = open();
  for (const std::size_t size :
       {0UL, 1UL, 125UL, 126UL, 127UL, 128UL, 65'535UL, 65'536UL, 65'537UL, 16'777'216UL}) {
    for (const int opcode : {Frame::text, Frame::binary}) {
      const Frame frame{.opcode = opcode, .payload = std::string(size, 'm')};
      // A large one fills every buffer on its way before it comes back.
      auto sent = std::async(std::launch::async, [&] { return peer.send(frame); });
      const auto back = peer.read();
      EXPECT_TRUE(sent.get());
      ASSERT_TRUE(back.has_value()) << size;
      EXPECT_TRUE(*back == frame) << size;
    }
  }
}

// 2: pings and pongs, with and without content, also unasked and many at once.
TEST_F(WebSocket, PingsAreAnsweredByTheInstanceAndPongsPass) {
  WebSocketPeer peer = open();
  for (const std::string& payload : {std::string(), std::string("hello"), std::string(125, '\xfe'),
                                     std::string("\x00\xff\xfe", 3)}) {
    EXPECT_EQ(peer.echo({.opcode = Frame::ping, .payload = payload}),
              (Frame{.opcode = Frame::pong, .payload = payload}));
    const Frame pong{.opcode = Frame::pong, .payload = payload};
    EXPECT_EQ(peer.echo(pong), pong) << "unasked";
  }
  std::string pings;
  for (int i = 0; i < 10; ++i) {
    pings += to_wire({.opcode = Frame::ping, .payload = std::to_string(i)}, true);
  }
  ASSERT_TRUE(peer.connection().write(pings));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(peer.read(), (Frame{.opcode = Frame::pong, .payload = std::to_string(i)}));
  }
}

// 3: what only an extension gives a meaning is the ends' business.
TEST_F(WebSocket, ReservedBitsAndOpcodesPass) {
  WebSocketPeer peer = open();
  for (const Frame& frame :
       {Frame{.payload = "rsv1", .reserved = 4}, Frame{.payload = "all", .reserved = 7},
        Frame{.opcode = 3, .payload = "opcode"}, Frame{.opcode = 11, .payload = "control"}}) {
    EXPECT_EQ(peer.echo(frame), frame);
  }
}

// 5: fragments stay fragments, and control frames come between them.
TEST_F(WebSocket, FragmentsStayAsTheyAreWithPingsBetweenThem) {
  WebSocketPeer peer = open();
  const std::vector<Frame> said = {
      {.opcode = Frame::text, .payload = "frag", .final = false},
      {.opcode = Frame::ping, .payload = "now"},
      {.opcode = Frame::continuation, .payload = "", .final = false},
      {.opcode = Frame::continuation, .payload = "ment", .final = true},
      {.opcode = Frame::text, .payload = "whole"},
  };
  std::string wire;
  for (const Frame& frame : said) wire += to_wire(frame, true);
  for (const std::size_t piece : {wire.size(), std::size_t{7}, std::size_t{1}}) {
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      ASSERT_TRUE(peer.connection().write(std::string_view(wire).substr(at, piece)));
    }
    for (Frame frame : said) {
      if (frame.opcode == Frame::ping) frame.opcode = Frame::pong;
      EXPECT_EQ(peer.read(), frame) << "in pieces of " << piece;
    }
  }
}

// 7: each code as it was said, none and odd ones too; then the end, in order.
TEST_F(WebSocket, CloseCodesOfTheClientReachTheInstanceAndComeBack) {
  std::vector<Frame> closes = {{.opcode = Frame::close}};
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000,
                         4999, 999, 1005, 1006, 1015, 5000, 65'535}) {
    closes.push_back(close_frame(code, "because"));
  }
  closes.push_back(close_frame(1000, std::string(123, 'r')));
  for (const Frame& close : closes) {
    WebSocketPeer peer = open();
    EXPECT_EQ(peer.echo(close), close);
    EXPECT_TRUE(sees(close));
    EXPECT_EQ(peer.read(), std::nullopt);
    EXPECT_EQ(peer.connection().last_error(), 0) << "an orderly end";
  }
  const model::Outcomes outcomes = fixture_.outcomes_of(closes.size());
  EXPECT_EQ(outcomes.streams, closes.size());
  EXPECT_EQ(outcomes.failed, 0U);
}

TEST_F(WebSocket, CloseCodesOfTheInstanceReachTheClientAndItsAnswerGoesBack) {
  for (const int code : {1000, 1001, 1011, 1012, 4321}) {
    std::promise<std::optional<Frame>> heard;
    RawUpstream closing([&](RawConnection& connection) {
      connection.read_message();
      connection.write(std::string(WebSocketPeer::k_accepted) +
                       to_wire(close_frame(code, "enough"), false));
      heard.set_value(read_frame(connection, true));
    });
    ASSERT_TRUE(fixture_.adopt_one(closing));
    WebSocketPeer peer = open();
    EXPECT_EQ(peer.read(), close_frame(code, "enough"));
    EXPECT_TRUE(peer.send(close_frame(code)));
    EXPECT_EQ(heard.get_future().get(), close_frame(code));
    EXPECT_EQ(peer.read(), std::nullopt);
    EXPECT_EQ(peer.connection().last_error(), 0);
  }
  EXPECT_EQ(fixture_.outcomes_of(5).failed, 0U);
}

// Whoever has said all it had to say still hears the answers.
TEST_F(WebSocket, AClientThatClosesItsSendingSideHearsTheRest) {
  WebSocketPeer peer = open();
  std::vector<Frame> said;
  std::string wire;
  for (int i = 0; i < 50; ++i) {
    said.push_back({.opcode = Frame::binary, .payload = std::string(20'000, static_cast<char>(i))});
    wire += to_wire(said.back(), true);
  }
  said.push_back(close_frame(1000));
  ASSERT_TRUE(peer.connection().write(wire + to_wire(said.back(), true)));
  peer.connection().shut_writing();
  for (const Frame& frame : said) {
    const auto back = peer.read();
    ASSERT_TRUE(back.has_value());
    EXPECT_TRUE(*back == frame);
  }
  EXPECT_EQ(peer.read(), std::nullopt);
  EXPECT_EQ(peer.connection().last_error(), 0);
  expect_one_good();
}

TEST_F(WebSocket, AClientThatGoesEndsTheInstancesSide) {
  std::promise<bool> ended;
  RawUpstream waiting([&](RawConnection& connection) {
    connection.read_message();
    connection.write(WebSocketPeer::k_accepted);
    ended.set_value(!connection.read_more() && connection.last_error() == 0);
  });
  ASSERT_TRUE(fixture_.adopt_one(waiting));
  open().connection().close();
  EXPECT_TRUE(ended.get_future().get());
  expect_one_good();
}

// An instance that ignores it does not keep the tunnel for ever.
TEST(WebSocketEnd, AnInstanceThatDoesNotEndIsLeft) {
  Limits limits;
  limits.body_stall_timeout = std::chrono::milliseconds(100);
  GatewayFixture fixture(limits);
  std::promise<void> left;
  RawUpstream deaf([&](RawConnection& connection) {
    connection.read_message();
    connection.write(WebSocketPeer::k_accepted);
    connection.read_more();  // the client's end
    while (connection.write("x")) std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    left.set_value();
  });
  ASSERT_TRUE(fixture.adopt_one(deaf));
  WebSocketPeer peer(fixture.connect());
  ASSERT_EQ(peer.upgrade(upgrade_request()).status(), 101);
  peer.connection().shut_writing();
  EXPECT_LE(peer.connection().read_all().size(), 1U);
  left.get_future().wait();
  EXPECT_EQ(fixture.outcomes_of(1).failed, 0U);
}

TEST_F(WebSocket, AnInstanceThatDiesEndsTheClientsSide) {
  RawUpstream dying([](RawConnection& connection) {
    connection.read_message();
    connection.write(std::string(WebSocketPeer::k_accepted) + to_wire({.payload = "last"}, false));
    read_frame(connection, true);
    connection.reset();
  });
  ASSERT_TRUE(fixture_.adopt_one(dying));
  WebSocketPeer peer = open();
  EXPECT_EQ(peer.read(), (Frame{.payload = "last"}));
  peer.send({.payload = "die"});
  EXPECT_EQ(peer.read(), std::nullopt);
  EXPECT_NE(peer.connection().last_error(), 0) << "a cut is no end";
  EXPECT_EQ(fixture_.outcomes_of(1).cut, 1U);
}

TEST_F(WebSocket, AnUpgradeThatTheInstanceRefusesIsAnAnswerLikeOthers) {
  RawUpstream refusing(RawUpstream::answering([](const RawMessage& request) -> std::string {
    if (request.start_line().find("/ws") == std::string::npos) return RawUpstream::ok("served");
    return "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
  }));
  ASSERT_TRUE(fixture_.adopt_one(refusing));
  WebSocketPeer peer(fixture_.connect());
  const RawMessage refused = peer.upgrade(upgrade_request());
  EXPECT_EQ(refused.status(), 403);
  EXPECT_EQ(refused.body, "no");
  peer.connection().write(request("/other"));
  EXPECT_EQ(peer.connection().read_message().body, "served") << "the connection goes on";
  EXPECT_EQ(fixture_.outcomes_of(2).failed, 0U);
}

// It waits in the hold as any request does, and what the client sends ahead waits with it.
TEST_F(WebSocket, AnUpgradeWaitsForAnInstanceThatIsNotReady) {
  model::ServiceRoute waiting = serving({});
  waiting.standing = model::Standing::not_ready;
  ASSERT_TRUE(fixture_.adopt({waiting}));
  WebSocketPeer peer(fixture_.connect());
  const Frame early{.payload = "early"};
  ASSERT_TRUE(peer.connection().write(upgrade_request() + to_wire(early, true)));
  // One that came later on the same worker or another is held as well by then.
  ASSERT_TRUE(fixture_.adopt({serving({{1, 100, {endpoint("i1", instance_.address())}}})}));
  EXPECT_EQ(peer.connection().read_message().status(), 101);
  EXPECT_EQ(peer.read(), early);
  const Frame close = close_frame(1000);
  EXPECT_EQ(peer.echo(close), close);
  EXPECT_EQ(peer.read(), std::nullopt);
  expect_one_good();
}

// Both at once and in any order: nothing of one is in the other.
TEST_F(WebSocket, ManyAtOnceKeepApart) {
  constexpr int k_peers = 16;
  std::vector<WebSocketPeer> peers;
  for (int i = 0; i < k_peers; ++i) peers.push_back(open());
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < k_peers; ++i) {
      const std::string text = std::to_string(i) + "/" + std::to_string(round);
      ASSERT_TRUE(peers[static_cast<std::size_t>(i)].send({.payload = text}));
    }
    for (int i = k_peers - 1; i >= 0; --i) {
      const std::string text = std::to_string(i) + "/" + std::to_string(round);
      EXPECT_EQ(peers[static_cast<std::size_t>(i)].read(), (Frame{.payload = text}));
    }
  }
}

}  // namespace
}  // namespace hitless::gateway
