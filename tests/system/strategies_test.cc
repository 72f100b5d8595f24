// Strategies under load, in pools of known size: what the report says of them is what the
// instances' own timeline allows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

constexpr int k_one_mib = 256;  // an Entry's

std::int64_t number(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr ? -1 : value->to_number<std::int64_t>();
}

// In pools with room for one instance and nothing beside it.
class HoldAndSwap : public UnderLoad {
 protected:
  void SetUp() override { start_hitless({"--pool-memory", std::to_string(k_one_mib)}); }

  struct Swap {
    std::int64_t held = 0;
    std::int64_t longest_ms = 0;
    // From the old one's leaving to the next one's place in every worker's table: nobody can have
    // waited for longer.
    std::int64_t gap_ms = 0;
    std::int64_t start_ms = 0;    // of the instance that took over, from its start to its probe
    std::int64_t leaving_ms = 0;  // the longest from an instance's leaving to its process's end
    std::int64_t idle_ms = 0;  // of the gap: nothing was leaving, starting or on its way to traffic
    std::int64_t gone_at = 0;  // the last process of those that left …
    std::int64_t started_at = 0;  // … and the one that took over
  };

  using Span = std::pair<std::int64_t, std::int64_t>;

  // How much of `whole` these cover together.
  static std::int64_t covered(const Span& whole, std::vector<Span> spans) {
    std::sort(spans.begin(), spans.end());
    std::int64_t sum = 0;
    std::int64_t till = whole.first;
    for (const auto& [begin, end] : spans) {
      sum += std::max<std::int64_t>(0, std::min(end, whole.second) - std::max(begin, till));
      till = std::max(till, end);
    }
    return sum;
  }

  // From the report of the change that has ended: the first instance to leave, the last to serve.
  Swap swap() {
    const json::object report = report_with_traffic(last_rollout());
    Swap told;
    std::int64_t left = 0;
    std::int64_t routed = 0;
    std::vector<Span> busy;
    for (const json::value& line : report.at("instances").as_array()) {
      const json::object& times = line.as_object();
      const std::int64_t drained = number(times, "drain_begun_at");
      if (drained > 0 && (left == 0 || drained < left)) left = drained;
      if (drained > 0)
        told.leaving_ms = std::max(told.leaving_ms, number(times, "gone_at") - drained);
      const bool serves = !times.contains("ending");
      if (!serves) told.gone_at = std::max(told.gone_at, number(times, "gone_at"));
      busy.emplace_back(drained > 0 ? drained : number(times, "started_at"),
                        number(times, serves ? "routed_at" : "gone_at"));
      if (!serves) continue;
      routed = number(times, "routed_at");
      told.started_at = number(times, "started_at");
      told.start_ms = number(times, "ready_at") - number(times, "started_at");
    }
    told.gap_ms = routed - left;
    told.idle_ms = told.gap_ms - covered({left, routed}, std::move(busy));
    const json::object& during = report.at("during").as_object();
    told.held = number(during, "held");
    told.longest_ms = number(during, "held_longest_us") / 1000;
    fmt::print(
        "held {}, the longest {} ms; nobody served for {} ms: a start of {} ms, leaving {} ms, "
        "idle {} ms\n",
        told.held, told.longest_ms, told.gap_ms, told.start_ms, told.leaving_ms, told.idle_ms);
    return told;
  }

  // Clients ask all the time, so that somebody waits from the beginning to the end.  Times of the
  // report are whole milliseconds, and its holds are up to 6 % too long.  `waits_ms`: what the
  // change itself is known to have waited.
  void expect_held_for_a_start(const Swap& told, std::int64_t at_least_ms,
                               std::int64_t waits_ms = 0) {
    EXPECT_GT(told.held, 0);
    EXPECT_GE(told.start_ms, at_least_ms);
    EXPECT_GE(told.longest_ms, at_least_ms);
    EXPECT_LE(told.longest_ms, told.gap_ms + 2 + told.gap_ms * 6 / 100);
    EXPECT_LE(told.idle_ms, waits_ms + k_idle_ms) << "in a gap of " << told.gap_ms;
    EXPECT_LE(told.leaving_ms, k_leaving_ms);
  }

  // One start is all that the change waited for.  Somebody asks at every moment, but on a busy
  // machine not at the very first.
  void expect_held_for_one_start(const Swap& told, std::int64_t at_least_ms) {
    expect_held_for_a_start(told, at_least_ms);
    EXPECT_GT(told.gone_at, 0);
    EXPECT_GE(told.started_at, told.gone_at) << "its memory is free when the old process is gone";
    EXPECT_GE(told.longest_ms, told.start_ms - k_asked_late_ms);
    const std::int64_t most = told.start_ms + told.leaving_ms + k_idle_ms + k_to_traffic_ms;
    EXPECT_LE(told.longest_ms, most + most * 6 / 100);
  }

  // The longest answer that the load asks for takes 40 ms, and the model ends when it is told to:
  // long before its grace of five seconds has ended, on the busiest machine.
  static constexpr std::int64_t k_leaving_ms = 4000;
  // From the end of the old process to the start of the next, and from a passed probe to the place
  // in every worker's table: a few passes of the loop, on a machine that does other things.
  static constexpr std::int64_t k_idle_ms = 1000;
  static constexpr std::int64_t k_to_traffic_ms = 1000;
  static constexpr std::int64_t k_asked_late_ms = 300;
};

TEST_F(HoldAndSwap, ParksRequestsForAStartAndEachReportHasItsOwnLongest) {
  const std::string quick = import("quick", {"--start-delay-ms", "100"});
  const std::string slow = import("slow", {"--start-delay-ms", "1500"});
  start({{.model_id = quick, .count = 1}});
  EXPECT_EQ(change({{.model_id = slow, .count = 1}}), "succeeded");
  EXPECT_EQ(service().rollout(last_rollout()).at("plan").at("strategy").as_string(),
            "hold_and_swap");
  expect_settled(last_rollout(), 1);
  const Swap first = swap();
  expect_held_for_one_start(first, 1500);
  EXPECT_EQ(change({{.model_id = quick, .count = 1}}), "succeeded");
  expect_settled(last_rollout(), 1);
  expect_held_for_one_start(swap(), 100);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(HoldAndSwap, BringsTheOldOneBackAndItServesWhoWaited) {
  const std::string good = import("good", {"--start-delay-ms", "300"});
  const std::string bad = import("bad", {"--ready-after-ms", "-1"}, 0);
  start({{.model_id = good, .count = 1}});
  EXPECT_EQ(change({{.model_id = bad, .count = 1}}), "rolled_back");
  EXPECT_EQ(model_served(), good);
  expect_settled(last_rollout(), 1);
  expect_held_for_a_start(swap(), 300);
  const json::object rollout = service().rollout(last_rollout());
  EXPECT_NE(rollout.at("reason").as_string().find("never became ready"), std::string::npos)
      << to_json_text(rollout);
  expect_no_failure();
  EXPECT_EQ(load().totals().good_of("bad"), 0U);
  expect_counted_alike();
}

TEST_F(HoldAndSwap, BringsTheOldOneBackWhenTheNewOneCrashes) {
  const std::string good = import("good", {"--start-delay-ms", "300"});
  const std::string bad = import("bad", {"--crash-after-ms", "0"});
  start({{.model_id = good, .count = 1}});
  EXPECT_EQ(change({{.model_id = bad, .count = 1}}), "rolled_back");
  EXPECT_EQ(model_served(), good);
  expect_settled(last_rollout(), 1);
  expect_held_for_a_start(swap(), 300, 300);  // after the first exit 100 ms, 200 after the next
  expect_no_failure();
  expect_counted_alike();
}

// Nothing of the old version is left to compare with, but half of all answers wrong is not the
// world's doing.  It comes back, and requests wait for it once more.
TEST_F(HoldAndSwap, BringsTheOldOneBackWhenTheNewOneAnswersWrongly) {
  const std::string good = import("good", {"--start-delay-ms", "300"});
  const std::string bad = import("bad", {"--fail-share", "0.5"});
  start({{.model_id = good, .count = 1}});
  EXPECT_EQ(change({{.model_id = bad, .count = 1}}), "rolled_back");
  EXPECT_EQ(model_served(), good);
  expect_settled(last_rollout(), 1);
  const json::object rollout = service().rollout(last_rollout());
  const std::string reason(rollout.at("reason").as_string());
  EXPECT_EQ(reason.find("errors: "), 0U) << reason;
  EXPECT_NE(reason.find("on revision 2 since it is called alone"), std::string::npos) << reason;
  const json::object sample = rollout.at("plan").at("samples").as_array().at(0).as_object();
  EXPECT_TRUE(sample.at("alone").as_bool());
  EXPECT_GE(swap().start_ms, 300);
  expect_no_failure();
  const Outcome outcome = load().totals();
  EXPECT_EQ(outcome.wrong, outcome.wrong_of("bad"));
  EXPECT_GT(outcome.wrong, 0U);
  expect_counted_alike();
}

// Begins a change to a version that never opens its socket, and goes on once nobody serves.
class HoldAndSwapInVain : public HoldAndSwap {
 protected:
  void park(const std::string& good) {
    const std::string deaf = import("deaf", {"--never-listen"});
    start({{.model_id = good, .count = 1}});
    last_rollout_ = service().update(
        {{.model_id = deaf, .count = 1, .deploy_timeout_seconds = 600, .grace_seconds = 1}});
    EXPECT_TRUE(eventually([&] {
      const json::array live = service().live_instances();
      return live.size() == 1 && live.front().at("revision") == 2;
    }));
  }
};

TEST_F(HoldAndSwapInVain, IsAbortedWhileRequestsWait) {
  const std::string good = import("good", {"--start-delay-ms", "200"});
  park(good);
  EXPECT_EQ(order(last_rollout(), "abort").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "rolled_back");
  expect_settled(last_rollout(), 1);
  EXPECT_EQ(model_served(), good);
  expect_held_for_a_start(swap(), 200);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(HoldAndSwapInVain, IsSupersededWhileRequestsWait) {
  const std::string good = import("good");
  const std::string better = import("better", {"--start-delay-ms", "200"});
  park(good);
  EXPECT_EQ(change({{.model_id = better, .count = 1}}), "succeeded");
  expect_settled(last_rollout(), 1);
  EXPECT_EQ(model_served(), better);
  const json::object report = report_with_traffic(last_rollout());
  EXPECT_GT(number(report.at("during").as_object(), "held"), 0);
  expect_no_failure();
  expect_counted_alike();
}

class BlueGreen : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  static json::object policy(double bake_seconds) {
    return {{"strategy", "blue_green"},
            {"bake_seconds", bake_seconds},
            {"judgement", judged_by_errors()}};
  }

  // Until the new set has the traffic and the old one is warm.
  void bake(const std::string& model, const std::string& version) {
    last_rollout_ = service().update({{.model_id = model, .count = 2}}, policy(k_long_bake));
    ASSERT_TRUE(service().wait_for_phase(last_rollout(), "baking"))
        << to_json_text(service().rollout(last_rollout()));
    EXPECT_TRUE(eventually([&] { return load().totals().good_of(version) > 500; }))
        << describe(load().totals());
    EXPECT_EQ(service().live_instances().size(), 4U);
  }
};

std::vector<std::string> ids_of(const json::array& instances) {
  std::vector<std::string> ids;
  for (const json::value& each : instances) {
    ids.emplace_back(each.as_object().at("instance_id").as_string());
  }
  return ids;
}

TEST_F(BlueGreen, TurnsBackToTheSetThatIsStillWarm) {
  const std::string blue = import("blue", {"--start-delay-ms", "200"});
  const std::string green = import("green");
  start({{.model_id = blue, .count = 2}});
  const std::vector<std::string> before = ids_of(service().live_instances());
  bake(green, "green");
  EXPECT_EQ(order(last_rollout(), "abort").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "rolled_back");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(ids_of(service().live_instances()), before) << "they never left";
  EXPECT_EQ(model_served(), blue);
  const json::object report = report_with_traffic(last_rollout());
  EXPECT_EQ(number(report, "instances_started"), 2) << "the new set alone";
  EXPECT_EQ(number(report.at("during").as_object(), "held"), 0);
  go_on(500);  // whatever green had answered is counted by now
  const std::uint64_t served_by_green = load().totals().good_of("green");
  go_on(500);
  EXPECT_EQ(load().totals().good_of("green"), served_by_green) << "the switch was whole";
  expect_no_failure();
  expect_counted_alike();
}

// All the traffic is on the new set when it shows what it is worth, so that how much it answers
// wrongly depends on the traffic alone; the old set is there to take it back at once.
TEST_F(BlueGreen, TurnsBackByItselfFromASetThatAnswersWrongly) {
  const std::string blue = import("blue", {"--start-delay-ms", "200"});
  const std::string green = import("green", {"--fail-share", "0.5"});
  start({{.model_id = blue, .count = 2}});
  const std::vector<std::string> before = ids_of(service().live_instances());
  EXPECT_EQ(change({{.model_id = green, .count = 2}}, policy(k_long_bake)), "rolled_back");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(ids_of(service().live_instances()), before) << "they never left";
  EXPECT_EQ(model_served(), blue);
  const json::object rollout = service().rollout(last_rollout());
  EXPECT_EQ(rollout.at("evidence").at("verdict").as_string(), "bad");
  EXPECT_NE(rollout.at("reason").as_string().find("errors: "), std::string::npos);
  EXPECT_EQ(number(rollout.at("report").at("during").as_object(), "held"), 0);
  expect_no_failure();
  EXPECT_GT(load().totals().wrong, 0U);
  EXPECT_EQ(load().totals().wrong, load().totals().wrong_of("green"));
  expect_counted_alike();
}

TEST_F(BlueGreen, SwitchesAfterItsBakeOrAtOnceWhenItIsSkipped) {
  const std::string blue = import("blue");
  const std::string green = import("green");
  start({{.model_id = blue, .count = 2}});
  EXPECT_EQ(change({{.model_id = green, .count = 2}}, policy(0.5)), "succeeded");
  expect_settled(last_rollout(), 2);
  std::int64_t baked_us = 0;
  const json::object report = report_of(last_rollout());
  for (const json::value& phase : report.at("phases").as_array()) {
    if (phase.at("phase").as_string() == "baking") {
      baked_us = number(phase.as_object(), "duration_us");
    }
  }
  EXPECT_GE(baked_us, 500'000);
  bake(blue, "blue");
  EXPECT_EQ(order(last_rollout(), "skip").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  expect_settled(last_rollout(), 2);
  EXPECT_EQ(model_served(), blue);
  expect_no_failure();
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
