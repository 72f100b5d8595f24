// What an HTTP/2 connection is told by a gateway whose place another one takes, and how its streams
// end.  Both gateways live in this process; many clients and real processes are a system test.
#include <gtest/gtest.h>
#include <poll.h>

#include <future>

#include "tests/support/http2_call.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

constexpr std::uint32_t k_any_stream = 0x7fffffff;

Limits quick() {
  Limits limits;
  limits.leave_spread = std::chrono::milliseconds(100);
  limits.http2_goaway_wait = std::chrono::milliseconds(100);
  limits.linger_timeout = std::chrono::milliseconds(100);
  return limits;
}

class Http2Handover : public ::testing::Test {
 protected:
  explicit Http2Handover(const Limits& limits = quick())
      : gate_(opened_.get_future().share()),
        upstream_(RawUpstream::answering([this](const RawMessage& message) {
          if (message.head.find(" /late ") != std::string::npos) gate_.wait();
          return RawUpstream::ok("served");
        })),
        fixture_(limits) {
    EXPECT_TRUE(fixture_.adopt_one(upstream_));
  }
  ~Http2Handover() override { open(); }

  // Lets requests for /late be answered.
  void open() {
    if (!std::exchange(is_open_, true)) opened_.set_value();
  }
  void replace() {
    GatewayOptions options = fixture_.options();
    options.take_over = std::chrono::seconds(k_read_seconds);
    options.workers = 0;
    auto made = Gateway::start(options);
    ASSERT_TRUE(made) << made.error().text();
    const auto settled = (*made)->wait_settled();
    ASSERT_TRUE(settled) << settled.error().text();
    next_ = std::move(*made);
  }
  // On stream 1, and the instance has it.
  void begin_late(Http2Peer& peer) {
    peer.headers(1, call("POST", "/late"));
    ASSERT_TRUE(fixture_.eventually([](const model::Usage& usage) {
      const model::InstanceUsage* found = usage.find(model::InstanceId("i1"));
      return found != nullptr && found->in_flight == 1;
    }));
  }
  static void expect_served(Http2Peer& peer, std::uint32_t stream) {
    const Http2Answer answer = peer.answer(stream);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "served");
    EXPECT_TRUE(answer.whole);
  }
  static void expect_orderly_end(Http2Peer& peer, std::uint32_t last_stream) {
    const std::optional<Http2Frame> goaway = peer.read_to_end();
    ASSERT_TRUE(goaway.has_value());
    EXPECT_EQ(goaway->code(), 0U);
    EXPECT_EQ(goaway->last_stream(), last_stream);
    EXPECT_EQ(peer.connection().last_error(), 0);
  }
  void expect_the_old_one_ends() {
    pollfd wait{.fd = fixture_.gateway().shutdown_event(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wait, 1, k_read_seconds * 1000), 1);
    fixture_.stop_gateway();
  }

  std::promise<void> opened_;
  const std::shared_future<void> gate_;
  bool is_open_ = false;
  RawUpstream upstream_;
  GatewayFixture fixture_;
  std::unique_ptr<Gateway> next_;
};

TEST_F(Http2Handover, AQuietConnectionIsToldInItsTurn) {
  Http2Peer peer(fixture_.address());
  peer.headers(1, call("POST", "/"));
  expect_served(peer, 1);
  replace();
  const Http2Frame first = peer.read(Http2Frame::goaway);
  EXPECT_EQ(first.last_stream(), k_any_stream);
  expect_orderly_end(peer, 1);
  expect_the_old_one_ends();
}

TEST_F(Http2Handover, ARequestThatWasOnItsWayIsServed) {
  Http2Peer peer(fixture_.address());
  peer.headers(1, call("POST", "/"));
  expect_served(peer, 1);
  replace();
  EXPECT_EQ(peer.read(Http2Frame::goaway).last_stream(), k_any_stream);
  peer.headers(3, call("POST", "/"));
  expect_served(peer, 3);
  expect_orderly_end(peer, 3);
  expect_the_old_one_ends();
}

TEST_F(Http2Handover, ABusyOneIsToldWithItsNextAnswerAndEndsItsStreams) {
  Http2Peer peer(fixture_.address());
  begin_late(peer);
  replace();
  // One that is answered before the worker knows that it leaves is told with the one after it.
  std::uint32_t last = 1;
  do {
    last += 2;
    peer.headers(last, call("POST", "/"));
    expect_served(peer, last);
    ASSERT_TRUE(peer.ping());
  } while (!peer.goaway().has_value());
  EXPECT_FALSE(peer.so_far(1).whole);
  open();
  expect_served(peer, 1);
  expect_orderly_end(peer, last);
  expect_the_old_one_ends();
}

TEST_F(Http2Handover, OneWhoseOnlyRequestEndsIsToldThen) {
  Http2Peer peer(fixture_.address());
  begin_late(peer);
  replace();
  open();
  expect_served(peer, 1);
  expect_orderly_end(peer, 1);
  expect_the_old_one_ends();
}

TEST_F(Http2Handover, ANewConnectionIsTheNextGateways) {
  replace();
  expect_the_old_one_ends();
  Http2Peer peer(fixture_.address());
  peer.headers(1, call("POST", "/"));
  expect_served(peer, 1);
  EXPECT_FALSE(peer.goaway().has_value());
}

class Http2HandoverInABudget : public Http2Handover {
 protected:
  static Limits brief() {
    Limits limits = quick();
    limits.leave_budget = std::chrono::milliseconds(300);
    return limits;
  }
  Http2HandoverInABudget() : Http2Handover(brief()) {}
};

TEST_F(Http2HandoverInABudget, WhatDoesNotEndInTimeIsSaidToHaveFailed) {
  constexpr std::uint32_t k_internal_error = 2;
  Http2Peer peer(fixture_.address());
  begin_late(peer);
  replace();
  const Http2Answer answer = peer.answer(1);
  EXPECT_EQ(answer.reset, k_internal_error);
  expect_orderly_end(peer, 1);
  expect_the_old_one_ends();
}

}  // namespace
}  // namespace hitless::gateway
