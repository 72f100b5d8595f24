#include "tests/system/under_load.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <random>

namespace hitless::tests {
namespace {

constexpr std::uint64_t k_requests = 20'000;
constexpr std::uint64_t k_requests_long = 300'000;
// Enough traffic around a change to show in its report.
constexpr std::uint64_t k_around_change = 500;

std::int64_t count_in(const json::object& object, std::string_view name) {
  const auto count = find_int(object, name);
  return count && *count ? **count : -1;
}

}  // namespace

json::object judged_by_errors() {
  constexpr int k_slack_ms = 600'000;
  return {{"latency_slack_ms", k_slack_ms}, {"tail_slack_ms", k_slack_ms}};
}

json::object canary(const std::vector<std::pair<int, double>>& steps, json::object judgement) {
  json::array list;
  for (const auto& [weight, bake] : steps) {
    list.push_back(json::object{{"weight", weight}, {"bake_seconds", bake}});
  }
  return {{"strategy", "canary"}, {"steps", std::move(list)}, {"judgement", std::move(judgement)}};
}

std::uint64_t UnderLoad::requests_wanted() {
  const char* is_long = std::getenv("HITLESS_LONG");
  return is_long != nullptr && std::string(is_long) == "1" ? k_requests_long : k_requests;
}

std::uint64_t UnderLoad::seed() {
  static const std::uint64_t k_seed = [] {
    const char* given = std::getenv("HITLESS_SEED");
    const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
    fmt::print("seed {}: repeat with HITLESS_SEED={}\n", seed, seed);
    return seed;
  }();
  return k_seed;
}

void UnderLoad::start_hitless(std::vector<std::string> serve_flags) {
  hitless_ = HitlessProcess::start({.serve_flags = std::move(serve_flags)});
}

void UnderLoad::start(const std::vector<Entry>& entries, LoadOptions options,
                      const json::object& policy) {
  service_ = std::make_unique<PretendService>(hitless(), "under-load", entries, policy);
  last_rollout_ = service().newest_rollout();
  ASSERT_EQ(service().wait_for_end(last_rollout_), "succeeded")
      << to_json_text(service().rollout(last_rollout_));
  options.gateway = hitless().gateway();
  options.service = service().id();
  options.token = hitless().token();
  options.seed = seed();
  load_ = std::make_unique<Load>(options);
  go_on(k_around_change);
}

void UnderLoad::TearDown() {
  if (load_ && HasFailure()) fmt::print(stderr, "load: {}", describe(load_->stop()));
  load_.reset();
  service_.reset();
  hitless_.reset();
}

std::string UnderLoad::import(const std::string& version, const std::vector<std::string>& flags,
                              int initial_delay_seconds) {
  return import_model(
      hitless(),
      {.version = version, .flags = flags, .initial_delay_seconds = initial_delay_seconds});
}

std::string UnderLoad::starts_folder() {
  const std::filesystem::path starts = hitless().folder() / "starts";
  std::filesystem::create_directory(starts);
  std::filesystem::permissions(starts, std::filesystem::perms(0777));
  return starts.string();
}

void UnderLoad::go_on(std::uint64_t requests) {
  EXPECT_TRUE(load().wait_for_more(requests)) << describe(load().totals());
}

std::string UnderLoad::change(const std::vector<Entry>& entries, const json::object& policy) {
  last_rollout_ = service().update(entries, policy);
  const std::string phase = service().wait_for_end(last_rollout_);
  go_on(k_around_change);
  return phase;
}

void UnderLoad::expect_no_failure() {
  EXPECT_TRUE(load().wait_for(requests_wanted(), std::chrono::minutes(5)));
  const Outcome outcome = load().stop();
  EXPECT_GE(outcome.requests, requests_wanted());
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
  RecordProperty("requests", std::to_string(outcome.requests));
  RecordProperty("failed", std::to_string(outcome.failed()));
  fmt::print("{} requests, {} failed, p50 {} us, p99 {} us, longest {} us\n", outcome.requests,
             outcome.failed(), outcome.percentile(0.5).count(), outcome.percentile(0.99).count(),
             outcome.percentile(1).count());
}

void UnderLoad::expect_instances(std::size_t instances) {
  const auto running = [this] {
    std::size_t count = 0;
    const std::string program = hitless().model_server().string() + " ";
    for (const OwnedProcess& process : hitless().processes()) {
      if (process.command.starts_with(program)) ++count;
    }
    return count;
  };
  const bool settled = eventually(
      [&] { return service().live_instances().size() == instances && running() == instances; });
  EXPECT_TRUE(settled) << service().live_instances().size() << " instances and " << running()
                       << " processes, wanted " << instances;
}

void UnderLoad::expect_settled(const std::string& rollout, std::size_t instances) {
  expect_instances(instances);
  const json::object report = report_with_traffic(rollout);
  ASSERT_TRUE(report.contains("during")) << to_json_text(report);
  const json::object during = report.at("during").as_object();
  EXPECT_EQ(count_in(during, "failed"), 0) << to_json_text(during);
  EXPECT_EQ(count_in(during, "cut"), 0) << to_json_text(during);
}

std::string UnderLoad::model_served() {
  const json::array config = service().details().at("config").as_array();
  return config.empty() ? "" : std::string(config.front().as_object().at("model_id").as_string());
}

json::object UnderLoad::report_of(const std::string& rollout) {
  return service().rollout(rollout).at("report").as_object();
}

json::object UnderLoad::report_with_traffic(const std::string& rollout) {
  json::object report;
  eventually([&] {
    report = report_of(rollout);
    return report.contains("during");
  });
  return report;
}

ApiAnswer UnderLoad::order(const std::string& rollout, const std::string& verb) {
  return hitless().api("POST", service().path() + "/rollouts/" + rollout + "/" + verb,
                       json::object{{"reason", "a test"}});
}

void UnderLoad::expect_counted_alike() {
  const auto wanted = static_cast<std::int64_t>(load().stop().requests);
  std::int64_t counted = 0;
  const bool alike = eventually(
      [&] {
        counted = service().invocations();
        return counted == wanted;
      },
      std::chrono::seconds(10));
  EXPECT_TRUE(alike) << "the load counted " << wanted << ", the gateway " << counted;
}

}  // namespace hitless::tests
