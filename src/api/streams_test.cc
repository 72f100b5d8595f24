#include <gmock/gmock.h>

#include "api/limits.h"
#include "net/event_client.h"
#include "tests/support/api_fixture.h"

namespace hitless::api {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using World = testing::FakePort::World;

constexpr Duration k_patience = std::chrono::seconds(20);

// One event as JSON, with its type as a member of its own.
struct Seen {
  std::string type;
  std::string id;
  json::object data;
};

class Streams : public testing::ApiFixture {
 protected:
  // A service whose rollout goes on until finish().
  void SetUp() override {
    ApiFixture::SetUp();
    port().set(World{.looks = -1, .predicted = std::chrono::hours(1), .proof = seconds(10)});
    service_ = add_service("speech", add_model("0.0.1"));
    rollout_ = store().find_service(id()).value().rollout.text();
  }
  model::ServiceId id() const { return model::ServiceId(service_); }

  std::unique_ptr<net::EventClient> open(const std::string& path, net::HttpHeaders headers = {},
                                         bool tcp = false) {
    auto client = try_open(path, std::move(headers), tcp);
    EXPECT_TRUE(client) << client.error().text();
    return client ? std::move(*client) : nullptr;
  }
  Result<std::unique_ptr<net::EventClient>> try_open(const std::string& path,
                                                     net::HttpHeaders headers = {},
                                                     bool tcp = false) {
    const Address local{"", 0, (state() / "api.sock").string()};
    return net::EventClient::open({.to = tcp ? tcp_address() : local,
                                   .target = "/v1/" + std::string(testing::k_project) + path,
                                   .headers = std::move(headers)});
  }
  std::unique_ptr<net::EventClient> open_rollout() {
    return open("/rollouts/" + rollout_ + "/events");
  }

  // The next event; its type is empty when the stream has ended.
  static Seen next(net::EventClient& client) {
    const auto event = client.next(k_patience);
    EXPECT_TRUE(event) << event.error().text();
    if (!event || !event->has_value()) {
      EXPECT_TRUE(client.ended()) << "nothing came in time";
      return {};
    }
    const auto data = parse_json((*event)->data);
    EXPECT_TRUE(data && data->is_object()) << (*event)->data;
    return {(*event)->type, (*event)->id, data ? data->get_object() : json::object()};
  }

  void change(const std::function<void(model::Rollout&)>& edit) {
    const auto done = port().change(id(), edit);
    ASSERT_TRUE(done) << done.error().text();
  }

  std::string service_;
  std::string rollout_;
};

TEST_F(Streams, BeginWithTheWholeState) {
  control::InstanceStatus instance;
  instance.instance.id = model::InstanceId("speech-r1-1");
  instance.instance.rollout = model::RolloutId(rollout_);
  instance.instance.stage = model::Stage::ready;
  instance.state = "routed";
  instance.in_flight = 7;
  control::SideTraffic sides;
  sides.new_side.requests = 12;
  port().set(World{.looks = -1, .instances = {instance}, .sides = sides});
  const auto client = open_rollout();
  const Seen first = next(*client);
  EXPECT_EQ(first.type, "state");
  EXPECT_EQ(text(first.data, "phase"), "starting");
  EXPECT_EQ(text(first.data, "why"), "waiting for 2 of 2 instances to answer /health");
  EXPECT_EQ(first.data.at("percent"), 50);
  EXPECT_EQ(first.data.at("in_flight"), 7);
  EXPECT_EQ(first.data.at("instances").at(0).at("state"), "routed");
  EXPECT_EQ(first.data.at("traffic").at("new").at("requests"), 12);
  EXPECT_EQ(first.data.at("phases").at(0).at("phase"), "starting");
  EXPECT_EQ(first.data.at("ended"), false);
  const std::int64_t left = first.data.at("predicted_left_us").as_int64();
  EXPECT_GT(left, 3'500'000'000);
  EXPECT_LE(left, 3'600'000'000);
  EXPECT_EQ(first.data.at("predicted_left_most_us").as_int64() - left, 10'000'000);
}

TEST_F(Streams, TellEachChangeAndEndWithTheReport) {
  const auto client = open("/services/" + service_ + "/rollouts/" + rollout_ + "/events");
  const Seen first = next(*client);
  change([](model::Rollout& rollout) {
    rollout.phase = model::Phase::shifting;
    rollout.why = "waiting for the workers";
  });
  const Seen second = next(*client);
  EXPECT_EQ(text(second.data, "phase"), "shifting");
  EXPECT_EQ(text(second.data, "why"), "waiting for the workers");
  EXPECT_GT(std::stoll(second.id), std::stoll(first.id));
  ASSERT_TRUE(port().finish(id()));
  const Seen last = next(*client);
  EXPECT_EQ(text(last.data, "phase"), "succeeded");
  EXPECT_EQ(last.data.at("ended"), true);
  EXPECT_EQ(last.data.at("percent"), 100);
  const Seen end = next(*client);
  EXPECT_EQ(end.type, "end");
  EXPECT_EQ(end.data.at("report").at("during").at("requests"), 12345);
  EXPECT_TRUE(end.data.contains("plan"));
  EXPECT_GT(std::stoll(end.id), std::stoll(last.id));
  EXPECT_EQ(next(*client).type, "");
  EXPECT_TRUE(client->ended());
}

TEST_F(Streams, OfWhatIsOverTellItAndEnd) {
  ASSERT_TRUE(port().finish(id()));
  const auto client = open_rollout();
  EXPECT_EQ(next(*client).type, "state");
  EXPECT_EQ(next(*client).type, "end");
  EXPECT_EQ(next(*client).type, "");
}

// Traffic after the change is what the report waits for; where nobody calls, nothing comes.
TEST_F(Streams, EndWithoutAReportThatDoesNotCome) {
  const auto client = open_rollout();
  next(*client);
  change([](model::Rollout& rollout) {
    rollout.phase = model::Phase::failed;
    rollout.ended_at = SystemClock().now();
  });
  const Seen state = next(*client);
  EXPECT_EQ(text(state.data, "phase"), "failed");
  const Seen end = next(*client);
  EXPECT_EQ(end.type, "end");
  EXPECT_GE(SystemClock().now() - from_millis(end.data.at("ended_at").as_int64()),
            k_quiet_report_wait);
}

TEST_F(Streams, GoOnWhereverAReaderComesBack) {
  const auto client = open_rollout();
  const Seen first = next(*client);
  const auto again =
      open("/rollouts/" + rollout_ + "/events", {{"Last-Event-ID", first.id}, {"Accept", "*/*"}});
  const Seen same = next(*again);
  EXPECT_EQ(same.id, first.id) << "both read one feed";
  EXPECT_EQ(same.data, first.data);
}

TEST_F(Streams, CollectWhatComesTooFast) {
  const auto client = open_rollout();
  next(*client);
  constexpr int k_changes = 500;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 1; i <= k_changes; ++i) {
    change([&](model::Rollout& rollout) { rollout.why = std::to_string(i); });
  }
  int events = 0;
  Seen seen;
  do {
    seen = next(*client);
    ++events;
  } while (!seen.type.empty() && text(seen.data, "why") != std::to_string(k_changes));
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LE(events, took / k_stream_pause + 2);
}

TEST_F(Streams, SayNothingWhenNothingChanged) {
  const auto client = open_rollout();
  const Seen first = next(*client);
  for (int i = 0; i < 10; ++i) port().tell(id());
  change([](model::Rollout& rollout) { rollout.why = "changed"; });
  const Seen second = next(*client);
  EXPECT_EQ(text(second.data, "why"), "changed");
}

TEST_F(Streams, LetGoOfTheServiceWhenTheirReadersHaveGone) {
  EXPECT_FALSE(port().is_watched(id()));
  auto client = open_rollout();
  auto other = open_rollout();
  next(*client);
  EXPECT_TRUE(port().is_watched(id()));
  client.reset();
  next(*other);
  EXPECT_TRUE(port().is_watched(id()));
  other.reset();
  const auto until = std::chrono::steady_clock::now() + k_patience;
  while (port().is_watched(id()) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_FALSE(port().is_watched(id()));
}

TEST_F(Streams, HundredReadersSeeTheEnd) {
  std::vector<std::unique_ptr<net::EventClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(open_rollout());
  for (const auto& client : clients) EXPECT_EQ(next(*client).type, "state");
  ASSERT_TRUE(port().finish(id()));
  for (const auto& client : clients) {
    EXPECT_EQ(next(*client).type, "state");
    EXPECT_EQ(next(*client).type, "end");
  }
}

TEST_F(Streams, AreForWhoeverMayAskAndOfWhatThereIs) {
  const std::string path = "/rollouts/" + rollout_ + "/events";
  const auto nobody = try_open(path, {}, true);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Code::unauthenticated);
  EXPECT_NE(open(path, {{"X-Auth-Token", testing::k_token}}, true), nullptr);
  for (const std::string& unknown :
       {std::string("/rollouts/none/events"), "/services/none/rollouts/" + rollout_ + "/events",
        std::string("/services/none/events/stream")}) {
    const auto client = try_open(unknown);
    ASSERT_FALSE(client) << unknown;
    EXPECT_EQ(client.error().code(), Code::not_found) << unknown;
  }
  EXPECT_EQ(call("POST", path).status, 405);
}

TEST_F(Streams, OfAServiceTellWhichRolloutIsItsNewest) {
  const auto client = open("/services/" + service_ + "/events/stream");
  const Seen first = next(*client);
  EXPECT_EQ(first.type, "state");
  EXPECT_EQ(text(first.data, "status"), "deploying");
  EXPECT_EQ(text(first.data, "rollout_id"), rollout_);
  EXPECT_EQ(text(first.data.at("rollout").get_object(), "phase"), "starting");
  ASSERT_TRUE(port().finish(id()));
  const Seen second = next(*client);
  EXPECT_EQ(text(second.data, "status"), "running");
  EXPECT_FALSE(second.data.contains("rollout_id"));
  EXPECT_EQ(text(second.data.at("rollout").get_object(), "phase"), "succeeded");
  ask("PUT", "/services/" + service_, R"({"config":[)" + entry(add_model("0.0.2")) + "]}");
  port().tell(id());
  const Seen third = next(*client);
  EXPECT_EQ(text(third.data, "status"), "deploying");
  EXPECT_NE(text(third.data, "rollout_id"), rollout_);
  EXPECT_EQ(text(third.data.at("rollout").get_object(), "rollout_id"),
            text(third.data, "rollout_id"));
  ASSERT_TRUE(port().finish(id()));
  next(*client);
  call("DELETE", "/services/" + service_);
  port().tell(id());
  const Seen end = next(*client);
  EXPECT_EQ(end.type, "end");
  EXPECT_EQ(end.data.at("removed"), true);
  EXPECT_EQ(next(*client).type, "");
}

}  // namespace
}  // namespace hitless::api
