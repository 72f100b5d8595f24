// Clients that read slowly, and clients that have stopped.
#include <gtest/gtest.h>

#include "tests/support/gateway_fixture.h"
#include "tests/support/http2_peer.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language
using std::chrono::milliseconds;

// More than every buffer on the way takes.
constexpr std::size_t k_size = 24 << 20;
constexpr int k_small_window = 64 * 1024;

Limits patient_for(milliseconds time) {
  Limits limits;
  limits.write_stall_timeout = time;
  return limits;
}

Http2Fields ask() {
  return {{":method", "GET"},
          {":scheme", "http"},
          {":authority", "test"},
          {":path", "/v1/infers/" + std::string(k_service) + "/"},
          {"x-auth-token", k_token}};
}

std::string large() {
  return RawUpstream::ok(std::string(k_size, 'z'));
}

// Generation may take as long as it likes; it is the reading that has to go on.
TEST(Stall, AClientThatHasStoppedReadingIsGivenUpAndCounted) {
  std::atomic<bool> is_left = false;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    is_left = !connection.write(large());
  });
  GatewayFixture fixture(patient_for(milliseconds(300)));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect(k_small_window);
  client.write(request());
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.client_gone, 1U);
  EXPECT_EQ(outcomes.client_stalled, 1U);
  EXPECT_EQ(outcomes.failed, 0U);
  upstream.stop();
  EXPECT_TRUE(is_left) << "the instance works for nobody";
}

// The kernel tells of room in steps of a megabyte and more: much rarer than the client reads.
TEST(Stall, AClientThatReadsSlowlyIsNot) {
  constexpr milliseconds k_limit{1500};
  RawUpstream upstream(RawUpstream::answering([](const RawMessage&) { return large(); }));
  GatewayFixture fixture(patient_for(k_limit));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  RawConnection client = fixture.connect(k_small_window);
  client.write(request("/", "", "Connection: close\r\n"));
  std::size_t got = 0;
  // Half of the window: it is told to the sender before the sender has to ask, which it does ever
  // more seldom.
  char piece[32 * 1024];
  const auto until = std::chrono::steady_clock::now() + k_limit * 3;
  while (std::chrono::steady_clock::now() < until) {
    const ssize_t came = ::recv(client.fd(), piece, sizeof piece, 0);
    ASSERT_GT(came, 0) << "given up after " << got << " bytes";
    got += static_cast<std::size_t>(came);
    std::this_thread::sleep_for(milliseconds(40));
  }
  EXPECT_LT(got, k_size / 4) << "that was not slow";
  while (client.read_more()) got += std::exchange(client.buffered(), {}).size();
  EXPECT_GT(got, k_size);
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.client_gone, 0U);
  EXPECT_EQ(outcomes.by_class[2], 1U);
}

TEST(Stall, AnHttp2ConnectionThatIsNotReadIsGivenUp) {
  RawUpstream upstream(RawUpstream::answering([](const RawMessage&) { return large(); }));
  GatewayFixture fixture(patient_for(milliseconds(300)));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  constexpr std::uint32_t k_wide = 1 << 30;
  peer.open_window(0, k_wide);
  peer.headers(1, ask());
  peer.open_window(1, k_wide);
  const model::Outcomes outcomes = fixture.outcomes_of(1);
  EXPECT_EQ(outcomes.client_gone, 1U);
  EXPECT_EQ(outcomes.client_stalled, 1U);
  EXPECT_EQ(outcomes.failed, 0U);
}

// A stream that opens its window a little now and then is read, one that does not is given up.
TEST(Stall, AnHttp2StreamLivesByItsWindow) {
  constexpr milliseconds k_limit{1500};
  RawUpstream upstream(RawUpstream::answering([](const RawMessage&) { return large(); }));
  GatewayFixture fixture(patient_for(k_limit));
  ASSERT_TRUE(fixture.adopt_one(upstream));
  Http2Peer peer(fixture.address());
  peer.open_window(0, 1 << 30);
  for (const std::uint32_t id : {1U, 3U}) peer.headers(id, ask());
  std::size_t opened = 65'535;
  while (!peer.so_far(3).reset.has_value()) {
    if (peer.so_far(1).body.size() == opened) {
      std::this_thread::sleep_for(milliseconds(40));
      peer.open_window(1, 1024);
      opened += 1024;
    }
    ASSERT_NE(peer.read().type, -1);
  }
  EXPECT_FALSE(peer.so_far(1).reset.has_value());
  peer.open_window(1, k_size);
  EXPECT_EQ(peer.answer(1).body.size(), k_size);
  const model::Outcomes outcomes = fixture.outcomes_of(2);
  EXPECT_EQ(outcomes.client_stalled, 1U);
  EXPECT_EQ(outcomes.by_class[2], 2U);
}

}  // namespace
}  // namespace hitless::gateway
