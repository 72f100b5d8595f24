// Watching a change while it goes on, under load: its stream of events and the command that reads
// it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <set>

#include "net/event_client.h"
#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

namespace fs = std::filesystem;
using Phases = std::vector<std::string>;
constexpr std::size_t npos = std::string::npos;

class Watching : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  std::unique_ptr<net::EventClient> open(const std::string& rollout) {
    const std::string status = hitless().get("//hitless/v1/status").text;
    const json::object about = parse_json(status).value().get_object();
    const Address local{"", 0, (hitless().state() / "api.sock").string()};
    auto client = net::EventClient::open(
        {.to = local,
         .target = fmt::format("/v1/{}/rollouts/{}/events",
                               std::string(about.at("project_id").as_string()), rollout)});
    EXPECT_TRUE(client) << client.error().text();
    return client ? std::move(*client) : nullptr;
  }

  // What a reader saw until the stream ended.
  struct Watched {
    Phases phases;  // as states came
    std::vector<std::string> ids;
    json::object last;  // state
    json::object end;   // empty: it did not come
  };
  static Watched read_to_end(net::EventClient& client) {
    Watched seen;
    while (!client.ended() || seen.end.empty()) {
      const auto event = client.next(k_patience);
      if (!event || !event->has_value()) {
        ADD_FAILURE() << (event ? "no end came" : event.error().text());
        return seen;
      }
      json::object data = parse_json((*event)->data).value().get_object();
      seen.ids.push_back((*event)->id);
      if ((*event)->type == "end") {
        seen.end = std::move(data);
        continue;
      }
      std::string phase(data.at("phase").as_string());
      if (seen.phases.empty() || seen.phases.back() != phase) {
        seen.phases.push_back(std::move(phase));
      }
      seen.last = std::move(data);
    }
    return seen;
  }

  static Phases phases_of(const json::value& phases) {
    Phases names;
    for (const json::value& each : phases.as_array()) {
      names.emplace_back(each.at("phase").as_string());
    }
    return names;
  }

  // `hitless rollout watch`, beside the test.
  std::future<CommandOutcome> watch(const std::string& rollout) {
    return std::async(std::launch::async, [this, rollout] {
      return hitless().run({"rollout", "watch", rollout, "--state", hitless().state().string()});
    });
  }
};

// Whether each of `parts` is in `whole`, in that order.
bool is_in_order(const Phases& parts, const Phases& whole) {
  auto at = whole.begin();
  for (const std::string& part : parts) {
    at = std::find(at, whole.end(), part);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

TEST_F(Watching, SeesEachPhaseInOrderAndTheEnd) {
  start({{.model_id = import("v1"), .count = 2}}, {}, {{"judgement", judged_by_errors()}});
  const std::string v2 = import("v2", {"--start-delay-ms", "400"});
  const std::string rollout = service().update({{.model_id = v2, .count = 2}});
  const auto client = open(rollout);
  auto command = watch(rollout);
  const Watched seen = read_to_end(*client);
  EXPECT_EQ(seen.end.at("phase"), "succeeded");
  const Phases all = phases_of(seen.end.at("report").at("phases"));
  EXPECT_TRUE(is_in_order(seen.phases, all)) << fmt::format("{}", fmt::join(seen.phases, " "));
  EXPECT_TRUE(is_in_order({"starting", "succeeded"}, seen.phases));
  EXPECT_EQ(phases_of(seen.last.at("phases")), all) << "those between two events as well";
  EXPECT_EQ(seen.last.at("percent"), 100);
  EXPECT_GT(seen.end.at("report").at("during").at("requests").to_number<int>(), 0);
  for (std::size_t i = 1; i < seen.ids.size(); ++i) {
    EXPECT_GT(std::stoll(seen.ids[i]), std::stoll(seen.ids[i - 1]));
  }
  const CommandOutcome watched = command.get();
  EXPECT_EQ(watched.status, 0) << watched.output;
  std::size_t at = 0;
  for (const std::string& phase : all) {
    at = watched.output.find(" " + phase, at);
    EXPECT_NE(at, std::string::npos) << phase << " is missing in\n" << watched.output;
  }
  EXPECT_NE(watched.output.find("2 instances"), std::string::npos) << watched.output;
  expect_no_failure();
}

// What clients do reaches the stream although no phase changes by it.
TEST_F(Watching, SeesTrafficAndRequestsInFlight) {
  LoadOptions options;
  options.slow_share = 0.05;
  options.slow_ms = 200;
  start({{.model_id = import("v1"), .count = 1}}, options);
  const std::string v2 = import("v2", {"--start-delay-ms", "1500"});
  const auto client = open(service().update({{.model_id = v2, .count = 1}}));
  std::set<std::int64_t> requests;
  bool in_flight = false;
  for (bool ended = false; !ended;) {
    const auto event = client->next(k_patience);
    ASSERT_TRUE(event && event->has_value());
    const json::object data = parse_json((*event)->data).value().get_object();
    ended = (*event)->type == "end";
    if (ended) continue;
    in_flight = in_flight || data.at("in_flight").to_number<int>() > 0;
    if (const json::value* traffic = data.if_contains("traffic")) {
      requests.insert(traffic->at("old").at("requests").to_number<std::int64_t>());
    }
  }
  EXPECT_TRUE(in_flight);
  EXPECT_GT(requests.size(), 3U);
  EXPECT_GT(*requests.rbegin(), 0);
  expect_no_failure();
}

TEST_F(Watching, GoesOnWhenServeIsKilledAndEndsAsTheRolloutDoes) {
  start({{.model_id = import("v1"), .count = 1}});
  const std::string good = import("v2", {"--start-delay-ms", "2000"});
  const std::string bad = import("bad", {"--start-delay-ms", "2000", "--crash-after-ms", "0"});
  for (const auto& [model, status] : {std::pair(good, 0), std::pair(bad, 3)}) {
    const std::string rollout = service().update({{.model_id = model, .count = 1}});
    const fs::path output = hitless().folder() / ("watch-" + rollout);
    const fs::path binary = fs::read_symlink(fmt::format("/proc/{}/exe", hitless().serve_pid()));
    const pid_t command =
        spawn({binary.string(), "rollout", "watch", rollout, "--state", hitless().state().string()},
              output);
    const auto client = open(rollout);
    ASSERT_TRUE(service().wait_for_phase(rollout, "starting"));
    // A command that finds no serve at its beginning says so and ends; this one has begun.
    ASSERT_TRUE(eventually([&] { return tail_of(output, 6000).find("starting") != npos; }));
    hitless().kill_serve();
    auto event = client->next(k_patience);
    while (event && event->has_value()) event = client->next(k_patience);
    EXPECT_FALSE(event) << "a stream that was cut has not ended";
    hitless().start_serve();
    EXPECT_EQ(wait_for_end(command), status) << tail_of(output, 6000);
    EXPECT_NE(tail_of(output, 6000).find(status == 0 ? "succeeded" : "rolled_back"), npos)
        << tail_of(output, 6000);
  }
  expect_no_failure();
}

TEST_F(Watching, HundredAtOnceSeeTheEnd) {
  start({{.model_id = import("v1"), .count = 2}}, {}, {{"judgement", judged_by_errors()}});
  const std::string v2 = import("v2", {"--start-delay-ms", "300"});
  const std::string rollout = service().update({{.model_id = v2, .count = 2}});
  std::vector<std::unique_ptr<net::EventClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(open(rollout));
  EXPECT_EQ(service().wait_for_end(rollout), "succeeded");
  for (const auto& client : clients) {
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(read_to_end(*client).end.at("phase"), "succeeded");
  }
  expect_settled(rollout, 2);
  expect_no_failure();
}

TEST_F(Watching, EndsWhenServeIsStoppedAndComesBack) {
  start({{.model_id = import("v1"), .count = 1}});
  const std::string v2 = import("v2", {"--start-delay-ms", "2000"});
  const std::string rollout = service().update({{.model_id = v2, .count = 1}});
  const auto client = open(rollout);
  hitless().ask_serve_to_stop();
  auto event = client->next(k_patience);
  while (event && event->has_value()) event = client->next(k_patience);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_TRUE(client->ended()) << "a stop ends streams as they should end";
  hitless().start_serve();
  EXPECT_EQ(read_to_end(*open(rollout)).end.at("phase"), "succeeded");
  expect_no_failure();
}

}  // namespace
}  // namespace hitless::tests
