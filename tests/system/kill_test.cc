// kill -9 of serve at every phase of a change, of an instance and of the gateway.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

class KillServe : public UnderLoad, public ::testing::WithParamInterface<const char*> {
 protected:
  static constexpr int k_repetitions = 3;

  // Kills serve in this phase of the change that has begun, or soon after; what was seen last.
  std::string kill_in(const std::string& phase, std::chrono::milliseconds later) {
    if (phase != "planned") service().wait_for_phase(last_rollout_, phase);
    std::this_thread::sleep_for(later);
    const std::string seen = phase == "planned" ? phase : service().phase(last_rollout_);
    hitless().kill_serve();
    return seen;
  }

  std::mt19937_64 random_{seed()};
};

// Named after the phase in which serve dies.
TEST_P(KillServe, LosesNoRequestAndNoRollout) {
  const std::string phase = GetParam();
  start_hitless();
  const std::string good[] = {import("v1", {"--start-delay-ms", "60"}),
                              import("v2", {"--start-delay-ms", "60"})};
  // It does not go when it is told to, so that going back takes its time.
  const std::string bad = import("bad", {"--ready-after-ms", "-1", "--ignore-term"}, 0);
  LoadOptions options;
  options.slow_share = 0.02;  // so that draining takes its time
  options.slow_ms = 60;
  start({{.model_id = good[0], .count = 2, .grace_seconds = 1}}, options);
  const bool turns_round = phase == "rolling_back";
  for (int i = 1; i <= k_repetitions; ++i) {
    const std::string& model = turns_round ? bad : good[i % 2];
    last_rollout_ = service().update({{.model_id = model, .count = 2, .grace_seconds = 1}});
    const std::chrono::milliseconds later(std::uniform_int_distribution<>(0, 12)(random_));
    const std::string seen = kill_in(phase, later);
    go_on(300);  // with nobody in control
    hitless().start_serve();
    fmt::print("killed in {}, {} ms later; last seen {}\n", phase, later.count(), seen);
    ASSERT_EQ(service().wait_for_end(last_rollout_), turns_round ? "rolled_back" : "succeeded")
        << to_json_text(service().rollout(last_rollout_));
    EXPECT_EQ(service().status(), "running");
    expect_settled(last_rollout_, 2);
  }
  expect_no_failure();
  expect_counted_alike();
}

INSTANTIATE_TEST_SUITE_P(In, KillServe,
                         ::testing::Values("planned", "starting", "shifting", "draining",
                                           "rolling_back"),
                         [](const auto& phase) { return std::string(phase.param); });

// 0 while the instance has no process that is known.
pid_t pid_of(const json::value& instance) {
  const json::value* pid = instance.as_object().if_contains("pid");
  return pid == nullptr ? 0 : pid->to_number<pid_t>();
}

std::vector<pid_t> pids_of(const json::array& instances) {
  std::vector<pid_t> pids;
  for (const json::value& instance : instances) pids.push_back(pid_of(instance));
  return pids;
}

using KillServeAtRest = UnderLoad;

TEST_F(KillServeAtRest, ChangesNothingAndTheNextOneAdoptsEverything) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 2}});
  const json::array before = service().live_instances();
  const pid_t gateway = hitless().gateway_pid();
  hitless().kill_serve();
  go_on(1000);
  hitless().start_serve();
  EXPECT_EQ(hitless().gateway_pid(), gateway);
  // A pid is shown once the pool has found the instance's process again.
  EXPECT_TRUE(eventually([&] { return pids_of(service().live_instances()) == pids_of(before); }));
  // It is in control, not only there.
  EXPECT_EQ(change({{.model_id = import("v2"), .count = 2}}), "succeeded");
  hitless().ask_serve_to_stop();
  go_on(1000);
  hitless().start_serve();
  EXPECT_EQ(change({{.model_id = import("v3"), .count = 2}}), "succeeded");
  expect_settled(last_rollout(), 2);
  expect_no_failure();
  expect_counted_alike();
}

class KillInstance : public UnderLoad {
 protected:
  // As many instances as that take traffic, and none of them is this one.
  bool is_replaced(pid_t killed, std::size_t wanted) {
    std::size_t routed = 0;
    for (const json::value& each : service().live_instances()) {
      const bool is_other = pid_of(each) != killed;
      routed += is_other && each.at("state").as_string() == "routed" ? 1 : 0;
    }
    return routed == wanted;
  }
};

// Requests that it had taken are lost with it; whatever else comes is answered by the others.
TEST_F(KillInstance, CostsAtMostWhatWasInFlightOnIt) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 3}});
  constexpr int k_kills = 3;
  for (int i = 0; i < k_kills; ++i) {
    const json::array live = service().live_instances();
    ASSERT_FALSE(live.empty());
    const pid_t pid = pid_of(live.front());
    ASSERT_GT(pid, 0);
    ::kill(pid, SIGKILL);
    EXPECT_TRUE(eventually([&] { return is_replaced(pid, 3); }))
        << to_json_text(service().live_instances());
    go_on(1000);
  }
  EXPECT_TRUE(load().wait_for(requests_wanted(), std::chrono::minutes(5)));
  const Outcome outcome = load().stop();
  const LoadOptions defaults;
  const auto at_once =
      static_cast<std::uint64_t>(defaults.kept_connections + defaults.fresh_connections);
  EXPECT_LE(outcome.failed(), k_kills * at_once) << describe(outcome);
  EXPECT_EQ(outcome.count(Ending::refused), 0U) << describe(outcome);
  EXPECT_EQ(outcome.count(Ending::wrong_body), 0U) << describe(outcome);
  fmt::print("{} instances killed: {}", k_kills, describe(outcome));
  expect_counted_alike();
}

using KillServeAtImport = UnderLoad;

// A package that takes a while to copy; the kill comes while it does.
TEST_F(KillServeAtImport, TheNextOneFinishesItAndLeavesNothingAside) {
  constexpr std::uintmax_t k_package_bytes = 256 * 1024 * 1024;
  start_hitless();
  const std::filesystem::path package = make_package(hitless(), {.version = "big"});
  const std::filesystem::path weights = package / "model" / "weights.bin";
  std::ofstream(weights).put('w');
  std::filesystem::resize_file(weights, k_package_bytes);
  const ApiAnswer made = post_model(hitless(), "big", "0.0.1", "Custom", package);
  ASSERT_EQ(made.status, 200) << made.text;
  const std::string id(made.object().at("model_id").as_string());
  const std::filesystem::path packages = hitless().state() / "packages";
  EXPECT_TRUE(eventually([&] { return !std::filesystem::is_empty(packages); }));
  hitless().kill_serve();
  hitless().start_serve();
  const ApiAnswer details = wait_for_import(hitless(), id);
  EXPECT_EQ(details.object().at("model_status").as_string(), "published") << details.text;
  for (const auto& left : std::filesystem::directory_iterator(packages)) {
    EXPECT_NE(left.path().filename().string().front(), '.') << left.path();
  }
  start({{.model_id = id, .count = 1}});
  go_on(100);
  expect_no_failure();
}

class KillGateway : public UnderLoad {};

// What was on its way is lost with it; its clients find the next one where it was, though its port
// was nobody's choice.
TEST_F(KillGateway, TheNextOneListensInTheSamePlace) {
  start_hitless();
  start({{.model_id = import("v1"), .count = 2}});
  const Address place = hitless().gateway();
  const pid_t killed = hitless().gateway_pid();
  ASSERT_GT(killed, 0);
  ::kill(killed, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const pid_t now = hitless().gateway_pid();
    return now != 0 && now != killed;
  }));
  const std::uint64_t good = load().totals().good;
  EXPECT_TRUE(eventually([&] { return load().totals().good > good + 1000; }))
      << describe(load().totals());
  load().stop();
  hitless().kill_serve();
  hitless().start_serve();
  EXPECT_EQ(hitless().gateway(), place);
  hitless().down();
  hitless().start_serve();
  EXPECT_EQ(hitless().gateway(), place);
}

}  // namespace
}  // namespace hitless::tests
