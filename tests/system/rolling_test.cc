// Instances exchanged one after the other, under load: what must serve at every moment, by the
// times that the report keeps of each instance, and the shares that clients got.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/system/under_load.h"

namespace hitless::tests {
namespace {

std::int64_t number(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr ? -1 : value->to_number<std::int64_t>();
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

class Rolling : public UnderLoad {
 protected:
  void SetUp() override { start_hitless(); }

  struct Bounds {
    int fewest_serving;
    int most_running;  // what leaves does not count
  };

  // Over the time of the last rollout, which began with `serving` instances.  Who comes and who
  // leaves in the same millisecond came first, as control has it.
  Bounds bounds(int serving) {
    std::vector<std::pair<std::int64_t, int>> routed;
    std::vector<std::pair<std::int64_t, int>> running;
    const json::object report = report_of(last_rollout());
    for (const json::value& line : report.at("instances").as_array()) {
      const json::object& times = line.as_object();
      const bool is_new = number(times, "revision") == 2;
      const std::int64_t left = number(times, "drain_begun_at");
      if (is_new && times.contains("routed_at")) routed.emplace_back(number(times, "routed_at"), 1);
      if (is_new) running.emplace_back(number(times, "started_at"), 1);
      if (left <= 0) continue;
      routed.emplace_back(left, -1);
      running.emplace_back(left, -1);
    }
    std::sort(routed.begin(), routed.end(), [](const auto& one, const auto& other) {
      return std::pair(one.first, -one.second) < std::pair(other.first, -other.second);
    });
    std::sort(running.begin(), running.end());  // who made way for a start left before it
    Bounds found{serving, serving};
    int now = serving;
    for (const auto& [at, change] : routed) {
      found.fewest_serving = std::min(found.fewest_serving, now += change);
    }
    now = serving;
    for (const auto& [at, change] : running) {
      found.most_running = std::max(found.most_running, now += change);
    }
    fmt::print("never fewer than {} served, never more than {} ran\n", found.fewest_serving,
               found.most_running);
    return found;
  }

  // Starts and leavings of the last rollout in this time.
  int moves_between(std::int64_t begin, std::int64_t end) {
    int moves = 0;
    const json::object report = report_of(last_rollout());
    for (const json::value& line : report.at("instances").as_array()) {
      for (const char* name : {"started_at", "drain_begun_at"}) {
        const std::int64_t at = number(line.as_object(), name);
        moves += at > begin && at < end ? 1 : 0;
      }
    }
    return moves;
  }

  bool is_starting_one() {
    const json::array live = service().live_instances();
    return std::any_of(live.begin(), live.end(), [](const json::value& each) {
      return each.at("stage").as_string() == "starting";
    });
  }
};

TEST_F(Rolling, ByShrinkNeverHasMoreThanOneMissing) {
  constexpr int k_count = 3;
  const std::string old = import("old");
  const std::string next = import("next", {"--start-delay-ms", "200"});
  start({{.model_id = old, .count = k_count}}, {}, {{"judgement", judged_by_errors()}});
  const Entry entry{.model_id = next, .count = k_count, .max_surge = 0, .max_unavailable = 1};
  EXPECT_EQ(change({entry}), "succeeded");
  EXPECT_EQ(service().rollout(last_rollout()).at("plan").at("strategy").as_string(), "shrink");
  expect_settled(last_rollout(), k_count);
  EXPECT_EQ(model_served(), next);
  const Bounds seen = bounds(k_count);
  EXPECT_EQ(seen.fewest_serving, k_count - 1);
  EXPECT_EQ(seen.most_running, k_count);
  EXPECT_EQ(number(report_of(last_rollout()).at("during").as_object(), "held"), 0);
  expect_no_failure();
  expect_counted_alike();
}

TEST_F(Rolling, PausedStandsStillAndResumedGoesToItsEnd) {
  constexpr int k_count = 3;
  constexpr int k_start_ms = 150;
  const std::string old = import("old");
  const std::string next = import("next", {"--start-delay-ms", std::to_string(k_start_ms)});
  start({{.model_id = old, .count = k_count}}, {}, {{"judgement", judged_by_errors()}});
  last_rollout_ = service().update({{.model_id = next, .count = k_count}});
  ASSERT_TRUE(service().wait_for_phase(last_rollout(), "shifting"));
  ASSERT_EQ(order(last_rollout(), "pause").status, 200);
  // What had begun to start goes on to serve, and then nothing is on its way.
  json::object paused;
  EXPECT_TRUE(eventually([&] {
    paused = service().rollout(last_rollout());
    return paused.at("why").as_string().starts_with("paused since") && !is_starting_one();
  })) << to_json_text(paused);
  ASSERT_EQ(paused.at("phase").as_string(), "shifting");
  EXPECT_EQ(paused.at("paused"), true);
  const std::int64_t begin = number(paused, "paused_at");
  // Long enough for all that was left to start, many times.
  EXPECT_TRUE(eventually([&] {
    go_on(500);
    return now_ms() - begin > std::int64_t{k_start_ms} * k_count * 4;
  }));
  EXPECT_EQ(service().phase(last_rollout()), "shifting");
  const std::int64_t end = now_ms();
  EXPECT_EQ(order(last_rollout(), "resume").status, 200);
  EXPECT_EQ(service().wait_for_end(last_rollout()), "succeeded");
  EXPECT_EQ(moves_between(begin, end), 0) << to_json_text(report_of(last_rollout()));
  EXPECT_GT(moves_between(end, now_ms()), 0) << "there was something left to do";
  EXPECT_EQ(bounds(k_count).fewest_serving, k_count);
  expect_settled(last_rollout(), k_count);
  EXPECT_EQ(model_served(), next);
  expect_no_failure();
  expect_counted_alike();
}

class SlowStart : public Rolling {
 protected:
  struct Reading {
    std::int64_t at = 0;
    std::uint64_t next = 0;
    std::uint64_t all = 0;
  };

  // What the clients have counted, again and again, until the rollout has ended.
  std::vector<Reading> read_to_end() {
    std::vector<Reading> readings;
    EXPECT_TRUE(eventually(
        [&] {
          const Outcome outcome = load().totals();
          readings.push_back({now_ms(), outcome.good_of("next"), outcome.good});
          return service().rollout(last_rollout()).at("ended").as_bool();
        },
        k_patience, std::chrono::milliseconds(20)));
    return readings;
  }

  static Reading reading_at(const std::vector<Reading>& readings, std::int64_t at) {
    const auto after = std::find_if(readings.begin(), readings.end(),
                                    [&](const auto& each) { return each.at >= at; });
    return after == readings.end() ? readings.back() : *after;
  }
};

// One beside one: its share rises in tenths of a full one, from 1/11 of the traffic to the half,
// and only then does the old one leave.
TEST_F(SlowStart, RaisesTheShareOfANewInstanceOverTheSetTime) {
  constexpr std::int64_t k_rise_ms = 1800;
  const std::string old = import("old");
  const std::string next = import("next");
  LoadOptions options;
  options.slow_share = 0;
  start({{.model_id = old, .count = 1}}, options);
  // The old one came up likewise: its share is a full one when it has served for as long.
  const std::int64_t began = now_ms();
  EXPECT_TRUE(eventually([&] {
    go_on(200);
    return now_ms() - began > k_rise_ms;
  }));
  last_rollout_ = service().update(
      {{.model_id = next, .count = 1}},
      {{"slow_start_seconds", k_rise_ms / 1000.0}, {"judgement", {{"enabled", false}}}});
  const std::vector<Reading> readings = read_to_end();
  EXPECT_EQ(service().phase(last_rollout()), "succeeded");
  std::int64_t routed = 0;
  std::int64_t left = 0;
  const json::object report = report_of(last_rollout());
  for (const json::value& line : report.at("instances").as_array()) {
    const json::object& times = line.as_object();
    (number(times, "revision") == 2 ? routed : left) =
        number(times, number(times, "revision") == 2 ? "routed_at" : "drain_begun_at");
  }
  EXPECT_GE(left, routed + k_rise_ms) << "the old one stays until then";
  EXPECT_LE(left, routed + k_rise_ms + 1000);
  // The mean of its levels in each third: 2.5, 5.5 and 8.5 tenths beside one of ten.
  std::vector<double> shares;
  for (int third = 0; third < 3; ++third) {
    const Reading begin = reading_at(readings, routed + k_rise_ms * third / 3);
    const Reading end = reading_at(readings, routed + k_rise_ms * (third + 1) / 3);
    ASSERT_GT(end.all, begin.all + 100);
    shares.push_back(static_cast<double>(end.next - begin.next) /
                     static_cast<double>(end.all - begin.all));
  }
  fmt::print("its share in each third: {:.3f}\n", fmt::join(shares, " "));
  constexpr double k_off = 0.07;
  EXPECT_NEAR(shares[0], 2.5 / 12.5, k_off);
  EXPECT_NEAR(shares[1], 5.5 / 15.5, k_off);
  EXPECT_NEAR(shares[2], 8.5 / 18.5, k_off);
  expect_settled(last_rollout(), 1);
  expect_no_failure();
  expect_counted_alike();
}

// One of two had left for the new one, which is never ready; the old version starts no more.
TEST_F(Rolling, AWayBackThatFailsLeavesWhatServes) {
  const auto import_failing = [this](const std::string& version, std::vector<std::string> flags) {
    return import_model(hitless(), {.version = version,
                                    .flags = std::move(flags),
                                    .failures_max = 1,
                                    .initial_delay_seconds = 2});
  };
  const std::string old =
      import_failing("old", {"--starts", starts_folder(), "--fails-from-start", "3"});
  const std::string bad = import_failing("bad", {"--ready-after-ms", "-1"});
  start({{.model_id = old, .count = 2}}, {}, {{"judgement", judged_by_errors()}});
  const json::array before = service().live_instances();
  EXPECT_EQ(change({{.model_id = bad, .count = 2, .max_surge = 0, .max_unavailable = 1}}),
            "failed");
  const json::object rollout = service().rollout(last_rollout());
  const std::string reason(rollout.at("reason").as_string());
  const std::size_t then = reason.find("; then ");
  ASSERT_NE(then, std::string::npos) << reason;
  EXPECT_NE(reason.find("-r2-"), std::string::npos) << reason;
  EXPECT_LT(reason.find("never became ready: HTTP 503"), then) << reason;
  EXPECT_NE(reason.find("-r1-", then), std::string::npos) << reason;
  EXPECT_NE(reason.find("never became ready: HTTP 503", then), std::string::npos) << reason;
  EXPECT_EQ(rollout.at("why").as_string().find("the way back failed, what serves was left alone"),
            0U)
      << to_json_text(rollout);
  fmt::print("{}: {}\n", service().status(), reason);
  EXPECT_EQ(service().status(), "concerning") << "it serves, with one less than wanted";

  const std::uint64_t served = load().totals().good_of("old");
  go_on(2000);
  EXPECT_GE(load().totals().good_of("old"), served + 1900) << "the one that was left";
  EXPECT_EQ(load().totals().good_of("bad"), 0U);
  std::size_t kept = 0;
  for (const json::value& each : service().live_instances()) {
    kept += std::any_of(before.begin(), before.end(), [&](const json::value& one) {
      return one.at("instance_id") == each.at("instance_id") &&
             each.at("state").as_string() == "routed";
    });
  }
  EXPECT_EQ(kept, 1U) << to_json_text(service().live_instances());
  expect_no_failure();
  expect_counted_alike();
}

// Each instance of what serves fails its health check, as after a bad file on a shared disk; they
// answer on.  The fix replaces them without a lost request.
TEST_F(Rolling, AServiceWhoseEveryInstanceIsUnwellIsMendedByAnUpdate) {
  const std::string mark = (hitless().folder() / "unwell").string();
  const std::string old = import_model(hitless(), {.version = "old",
                                                   .flags = {"--unwell-while", mark},
                                                   .failures_max = 1,
                                                   .initial_delay_seconds = 2});
  const std::string fix = import("fix");
  start({{.model_id = old, .count = 3}}, {}, {{"judgement", judged_by_errors()}});
  ASSERT_TRUE(write_file_atomically(mark, "", 0644));
  const auto all_unwell = [&] {
    const json::array live = service().live_instances();
    return std::all_of(live.begin(), live.end(), [](const json::value& each) {
      return has(to_json_text(each), "HTTP 503 from /health");
    });
  };
  EXPECT_TRUE(eventually(all_unwell)) << to_json_text(service().live_instances());
  EXPECT_TRUE(eventually([&] { return service().status() == "concerning"; })) << service().status();
  EXPECT_EQ(change({{.model_id = fix, .count = 3}}), "succeeded")
      << to_json_text(service().rollout(last_rollout()));
  expect_settled(last_rollout(), 3);
  EXPECT_EQ(model_served(), fix);
  EXPECT_TRUE(eventually([&] { return service().status() == "running"; })) << service().status();
  expect_no_failure();
  EXPECT_GT(load().totals().good_of("fix"), 0U);
  expect_counted_alike();
}

}  // namespace
}  // namespace hitless::tests
