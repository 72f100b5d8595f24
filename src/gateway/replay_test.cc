#include "gateway/replay.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>

#include "tests/support/gateway_fixture.h"

namespace hitless::gateway {
namespace {

using namespace hitless::testing;  // the fixture's words are this file's language

TEST(Replay, OnlyOfWhatCannotHaveBeenTaken) {
  const Death reset{.error = ECONNRESET, .sent = 8192, .sent_at_once = true, .confirmed = 8192};
  const auto with = [&](auto change) {
    Death death = reset;
    change(death);
    return death;
  };
  struct {
    const char* name;
    Death death;
    bool again;
  } const rows[] = {
      {"never connected", with([](Death& d) { d.connected = false; }), true},
      {"nothing sent", with([](Death& d) { d.error = 0, d.sent = 0; }), true},
      {"nothing confirmed", with([](Death& d) { d.error = 0, d.confirmed = 0; }), true},
      {"reset of a small request", reset, true},
      {"reset of a larger one", with([](Death& d) { d.sent = 8193; }), false},
      {"… on a kept connection", with([](Death& d) { d.sent = 65536, d.kept = true; }), true},
      {"… and larger still", with([](Death& d) { d.sent = 65537, d.kept = true; }), false},
      {"in several pieces", with([](Death& d) { d.sent_at_once = false; }), false},
      {"orderly end", with([](Death& d) { d.error = 0, d.kept = true; }), false},
      {"answer begun", with([](Death& d) { d.answered = true, d.sent = 0; }), false},
  };
  for (const auto& row : rows) EXPECT_EQ(cannot_have_been_taken(row.death), row.again) << row.name;
}

// The first larger request that meets an instance as it closes the kept connection.
TEST(Replay, LargerRequestsOnAKeptConnectionSurviveItsClosing) {
  const TemporaryDirectory folder = TemporaryDirectory::make("replay").value();
  const Address places[] = {
      {.host = "127.0.0.1", .port = 0, .path = {}},
      {.host = {}, .port = 0, .path = (folder.path() / "upstream.sock").string()}};
  for (const Address& place : places) {
    std::atomic<int> taken = 0;
    RawUpstream upstream(
        [&](RawConnection& connection) {
          if (!connection.read_message().whole) return;
          ++taken;
          connection.write(RawUpstream::ok("answer"));
          pollfd wait{.fd = connection.fd(), .events = POLLIN, .revents = 0};
          ::poll(&wait, 1, k_read_seconds * 1000);  // the next request is here, and stays unread
        },
        place);
    GatewayFixture fixture;
    ASSERT_TRUE(fixture.adopt_one(upstream));
    RawConnection client = fixture.connect();
    client.write(request("/", "small"));
    ASSERT_EQ(client.read_message().body, "answer");
    client.write(request("/", std::string(60'000, 'x')));
    const RawMessage answer = client.read_message();
    EXPECT_EQ(answer.body, "answer") << to_text(place);
    EXPECT_EQ(taken, 2);
    EXPECT_EQ(fixture.outcomes_of(2).retried, 1U);
  }
}

}  // namespace
}  // namespace hitless::gateway
