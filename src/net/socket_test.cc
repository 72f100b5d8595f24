#include "net/socket.h"

#include <gtest/gtest.h>

namespace hitless::net {
namespace {

TEST(PeerText, IsTheAddressAsOneWritesIt) {
  for (const char* const host : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "10.200.3.40", "::1"}) {
    const auto peer = to_socket_address({.host = host, .port = 80, .path = {}});
    ASSERT_TRUE(peer) << host;
    EXPECT_EQ(peer_text(*peer), host);
  }
  const auto local = to_socket_address({.host = {}, .port = 0, .path = "/run/x.sock"});
  ASSERT_TRUE(local);
  EXPECT_EQ(peer_text(*local), "unix:");
}

}  // namespace
}  // namespace hitless::net
