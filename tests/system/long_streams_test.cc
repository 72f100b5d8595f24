// Streams that live longer than what serves them: through upgrades of their service and of the
// gateway, with every event and every echo counted.
//
// HITLESS_LONG=1: ten minutes instead of one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"
#include "tests/support/websocket_peer.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RawConnection;
using testing::WebSocketFrame;
using testing::WebSocketPeer;

constexpr milliseconds k_tick{50};

seconds lifetime() {
  return std::getenv("HITLESS_LONG") != nullptr ? seconds(600) : seconds(60);
}

class LongStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    hitless_ = HitlessProcess::start();
    program_ = (hitless_->folder() / "hitless_stream_server").string();
    fs::copy_file(HITLESS_STREAM_SERVER, program_);
    service_ = std::make_unique<PretendService>(
        *hitless_, "streams", version(1),
        json::object{{"judgement", json::object{{"enabled", false}}}});
    ASSERT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  }
  void TearDown() override {
    service_.reset();
    hitless_.reset();
  }

  // Each of its own: what drains is taken back by a change to what it runs.
  std::vector<Entry> version(int number) {
    const std::string name = fmt::format("v{}", number);
    return {
        {.model_id = import_model(*hitless_, {.version = name, .program = program_}), .count = 1}};
  }
  std::string request(const std::string& path, std::string_view fields = "") const {
    return fmt::format("GET /v1/infers/{}{} HTTP/1.1\r\nHost: test\r\nX-Auth-Token: {}\r\n{}\r\n",
                       service_->id(), path, hitless_->token(), fields);
  }
  RawConnection connect() const { return RawConnection::connect(hitless_->gateway()); }
  WebSocketPeer open_websocket() const {
    WebSocketPeer peer(connect());
    EXPECT_EQ(peer.upgrade(request("/echo", WebSocketPeer::k_fields)).status(), 101);
    return peer;
  }
  std::string version_served() const {
    RawConnection connection = connect();
    connection.write(request("/"));
    return connection.read_message().body;
  }
  void upgrade_gateway() {
    const CommandOutcome done =
        hitless_->run({"gateway", "upgrade", "--state", hitless_->state().string()});
    EXPECT_EQ(done.status, 0) << done.output;
  }
  // Of those with streams: their states and how many go on.
  std::vector<std::string> streams_shown() {
    std::vector<std::string> shown;
    for (const json::value& each : service_->live_instances()) {
      const json::object& instance = each.get_object();
      if (!instance.contains("streams")) continue;
      shown.push_back(fmt::format("{} {}", std::string(instance.at("state").as_string()),
                                  instance.at("streams").to_number<int>()));
    }
    return shown;
  }

  std::unique_ptr<HitlessProcess> hitless_;
  std::string program_;
  std::unique_ptr<PretendService> service_;
};

// What a reader of events has seen, to the stream's end.
struct Heard {
  std::int64_t in_order = 0;
  bool whole = false;
  std::string rest;  // the first thing that was not the next event
};

Heard listen(RawConnection& connection, std::string_view version) {
  Heard heard;
  const testing::RawMessage answer = connection.read_message();
  heard.whole = answer.whole;
  std::string_view events = answer.body;
  for (;;) {
    const std::string next = fmt::format("data: {} {}\n\n", version, heard.in_order + 1);
    if (!events.starts_with(next)) break;
    events.remove_prefix(next.size());
    ++heard.in_order;
  }
  heard.rest = std::string(events.substr(0, 400));
  return heard;
}

// Each frame comes back before the next one is sent, so none is lost and all are in order; how many
// came back.
std::int64_t echo_until(WebSocketPeer& peer, const std::atomic<bool>& over) {
  std::int64_t count = 0;
  while (!over) {
    const WebSocketFrame frame{.payload = fmt::format("echo {}", count + 1)};
    if (peer.echo(frame) != frame) break;
    ++count;
    std::this_thread::sleep_for(k_tick / 5);
  }
  return count;
}

TEST_F(LongStreams, LiveThroughTenUpgradesAndAReplacedGatewayUncut) {
  constexpr int k_upgrades = 10;
  const auto began = std::chrono::steady_clock::now();
  const std::int64_t ticks = lifetime() / k_tick;
  RawConnection events = connect();
  events.write(request(fmt::format("/events?ticks={}&every_ms={}", ticks, k_tick.count())));
  ASSERT_TRUE(events.read_until("data: v1 1\n\n"));
  auto heard = std::async(std::launch::async, [&events] { return listen(events, "v1"); });
  WebSocketPeer peer = open_websocket();
  std::atomic<bool> over = false;
  auto echoed = std::async(std::launch::async, [&peer, &over] { return echo_until(peer, over); });
  for (int i = 1; i <= k_upgrades; ++i) {
    const std::string rollout = service_->update(version(i + 1));
    EXPECT_TRUE(service_->wait_for_phase(rollout, "draining"));
    const std::string served = fmt::format("v{}", i + 1);
    EXPECT_TRUE(eventually([&] { return version_served() == served; })) << served;
    if (i == k_upgrades / 2) upgrade_gateway();
    std::this_thread::sleep_until(began + lifetime() * i / (k_upgrades + 2));
  }
  EXPECT_EQ(streams_shown(), std::vector<std::string>{"draining 2"});
  EXPECT_EQ(heard.wait_for(seconds(0)), std::future_status::timeout) << "it has ended too early";
  const Heard all = heard.get();
  EXPECT_EQ(all.in_order, ticks) << all.rest;
  EXPECT_TRUE(all.whole);
  EXPECT_EQ(all.rest, "");
  over = true;
  const std::int64_t echoes = echoed.get();
  EXPECT_GT(echoes, ticks / 2);
  const WebSocketFrame goodbye = testing::close_frame(1000, "done");
  EXPECT_EQ(peer.echo(goodbye), goodbye) << "after " << echoes << " echoes";
  EXPECT_EQ(peer.read(), std::nullopt);
  fmt::print("{} events and {} echoes\n", all.in_order, echoes);
  EXPECT_EQ(service_->wait_for_end(service_->newest_rollout()), "succeeded");
  EXPECT_EQ(service_->live_instances().size(), 1U);
}

// Set while they drain already: the rollout goes on once they have been told.
TEST_F(LongStreams, AreEndedPolitelyAtTheirBudgetsEnd) {
  RawConnection events = connect();
  events.write(request("/events?ticks=1000000&every_ms=50"));
  ASSERT_TRUE(events.read_until("data: v1 1\n\n"));
  WebSocketPeer peer = open_websocket();
  const WebSocketFrame hello{.payload = "hello"};
  EXPECT_EQ(peer.echo(hello), hello);
  ASSERT_TRUE(service_->wait_for_phase(service_->update(version(2)), "draining"));
  const CommandOutcome instances =
      hitless_->run({"service", "instances", "streams", "--state", hitless_->state().string()});
  EXPECT_NE(instances.output.find("2 streams go on"), std::string::npos) << instances.output;
  const CommandOutcome set =
      hitless_->run({"service", "update", "streams", "--stream-drain", "0.5s", "--state",
                     hitless_->state().string(), "--wait"});
  EXPECT_EQ(set.status, 0) << set.output;
  const Heard heard = listen(events, "v1");
  EXPECT_TRUE(heard.whole);
  EXPECT_GE(heard.in_order, 1);
  EXPECT_TRUE(heard.rest.starts_with("event: error\nretry: ")) << heard.rest;
  EXPECT_TRUE(heard.rest.ends_with("\"}\n\n")) << heard.rest;
  const auto goodbye = peer.read();
  ASSERT_TRUE(goodbye.has_value());
  EXPECT_EQ(goodbye->code(), 1001);
  EXPECT_TRUE(eventually([this] { return service_->live_instances().size() == 1; }));
  EXPECT_TRUE(eventually([this] { return version_served() == "v2"; }));
}

}  // namespace
}  // namespace hitless::tests
