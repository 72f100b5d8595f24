#include "gateway/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

TEST(Client, ControlIsToldTheVersionAndAGatewayWithoutOneDoesNotStart) {
  GatewayFixture fixture;
  ASSERT_TRUE(
      fixture.eventually([&](const auto&) { return fixture.client().attached().has_value(); }));
  EXPECT_EQ(fixture.client().attached()->version, fixture.options().version);
  GatewayOptions nameless = fixture.options();
  nameless.version.clear();
  const auto started = Gateway::start(nameless);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::invalid);
}

// Whoever looks must not keep a gateway from starting at that moment.
TEST(Client, ALookForTheGatewayNeverTakesItsLock) {
  const TemporaryDirectory folder = TemporaryDirectory::make("client").value();
  const auto socket = folder.path() / "gateway.sock";
  EXPECT_FALSE(is_gateway_alive(socket));
  std::atomic<bool> stopping = false;
  std::atomic<int> seen = 0;
  std::thread looking([&] {
    while (!stopping) seen += is_gateway_alive(socket) ? 1 : 0;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(k_read_seconds);
  int refused = 0;
  for (int i = 0; i < 2000 || seen == 0; ++i) {
    refused += lock_file(socket.string() + ".lock") ? 0 : 1;
    if (std::chrono::steady_clock::now() > deadline) break;
  }
  stopping = true;
  looking.join();
  EXPECT_EQ(refused, 0);
  EXPECT_GT(seen, 0);
  EXPECT_FALSE(is_gateway_alive(socket));
}

}  // namespace
}  // namespace hitless::gateway
