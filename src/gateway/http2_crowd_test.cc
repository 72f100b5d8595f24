// When there are as many connections as there may be, those in HTTP/2 that wait for their clients
// make room like others.
#include <gtest/gtest.h>

#include <future>

#include "tests/support/http2_call.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

Limits crowded() {
  Limits limits;
  limits.connections_max = 4;
  limits.crowded_patience = std::chrono::milliseconds(30);
  return limits;
}

class Http2Crowd : public ::testing::Test {
 protected:
  Http2Crowd()
      : gate_(opened_.get_future().share()),
        upstream_(RawUpstream::answering([this](const RawMessage& message) {
          if (message.head.find(" /late ") != std::string::npos) gate_.wait();
          return RawUpstream::ok("served");
        })),
        fixture_(crowded(), 1) {
    EXPECT_TRUE(fixture_.adopt_one(upstream_));
  }
  ~Http2Crowd() override { open(); }

  void open() {
    if (!std::exchange(is_open_, true)) opened_.set_value();
  }
  // So many at the least: a request whose body is coming may be there already.
  bool has_in_flight(std::uint64_t count) {
    return fixture_.eventually([&](const model::Usage& usage) {
      const model::InstanceUsage* found = usage.find(model::InstanceId("i1"));
      return found != nullptr && found->in_flight >= count;
    });
  }
  // One more that does not wait for its client: somebody must make room.
  void come_in() {
    more_.push_back(fixture_.connect());
    more_.back().write(request("/late"));
    EXPECT_TRUE(has_in_flight(more_.size() + 1));
  }

  std::promise<void> opened_;
  const std::shared_future<void> gate_;
  bool is_open_ = false;
  RawUpstream upstream_;
  GatewayFixture fixture_;
  std::vector<RawConnection> more_;
};

// In the order in which they are given up: one that asked nothing, an idle one, a body; and one
// whose request is in the instance's hands is not.
TEST_F(Http2Crowd, ThoseWhoseClientsKeepUsWaitingMakeRoom) {
  Http2Peer busy(fixture_.address());
  busy.headers(1, call("POST", "/late"));
  ASSERT_TRUE(has_in_flight(1));
  Http2Peer body(fixture_.address());
  body.headers(1, call("POST", "/"), false);
  body.data(1, "some of it", false);
  ASSERT_TRUE(body.ping());
  Http2Peer idle(fixture_.address());
  idle.headers(1, call("POST", "/"));
  ASSERT_EQ(idle.answer(1).status, 200);
  Http2Peer silent(fixture_.address());
  ASSERT_TRUE(silent.ping());

  for (Http2Peer* each : {&silent, &idle, &body}) {
    come_in();
    const std::optional<Http2Frame> goaway = each->read_to_end();
    ASSERT_TRUE(goaway.has_value());
    EXPECT_EQ(goaway->code(), 0U);
  }
  EXPECT_TRUE(body.so_far(1).reset.has_value());
  EXPECT_FALSE(busy.goaway().has_value());
  open();
  EXPECT_EQ(busy.answer(1).status, 200);
  for (RawConnection& each : more_) EXPECT_EQ(each.read_message().status(), 200);
}

}  // namespace
}  // namespace hitless::gateway
