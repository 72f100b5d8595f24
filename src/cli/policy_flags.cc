#include "cli/policy_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cmath>

#include "cli/render_report.h"

namespace hitless::cli {
namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array k_units = {Unit{"ms", 0.001}, Unit{"s", 1},    Unit{"m", 60},
                                Unit{"min", 60},   Unit{"h", 3600}, Unit{"", 1}};

// One of these words.
CLI::Validator word_of(std::initializer_list<const char*> words) {
  std::string list;
  for (const char* word : words) list.append(list.empty() ? "" : ", ").append(word);
  std::vector<std::string> known(words.begin(), words.end());
  return CLI::Validator(
      [known, list](std::string& word) {
        const bool is_known = std::find(known.begin(), known.end(), word) != known.end();
        return is_known ? std::string() : fmt::format("[{}] is none of {}", word, list);
      },
      "");
}

bool sets_judgement(const PolicyFlags& flags) {
  return flags.judge || !flags.silence.empty() || !flags.proving.empty() ||
         !flags.latency_slack.empty() || !flags.tail_slack.empty() || flags.requests_min ||
         flags.error_ratio || flags.latency_factor || flags.false_alarm || flags.miss;
}

bool is_set(const PolicyFlags& flags) {
  return !flags.strategy.empty() || !flags.canary.empty() || !flags.bake.empty() ||
         !flags.overlap.empty() || !flags.slow_start.empty() || flags.drop_budget ||
         sets_judgement(flags);
}

Error bad_step(std::string_view step) {
  return Error(
      Code::invalid,
      fmt::format("--canary: {} is not of the form WEIGHT:TIME, as in 5:60s,50:60s", step));
}

Result<json::array> read_steps(std::string_view text) {
  json::array steps;
  while (!text.empty()) {
    const std::string_view step = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), step.size() + 1));
    const std::string_view weight = step.substr(0, step.find(':'));
    int percent = 0;
    const auto read = std::from_chars(weight.data(), weight.data() + weight.size(), percent);
    const bool whole = read.ec == std::errc() && read.ptr == weight.data() + weight.size();
    if (!whole) return bad_step(step);
    double bake = 0;
    if (weight.size() < step.size()) {
      HL_TRY_ASSIGN(bake, read_seconds("--canary", step.substr(weight.size() + 1)));
    }
    steps.push_back(json::object{{"weight", percent}, {"bake_seconds", bake}});
  }
  return steps;
}

// What belongs to the strategy that was goes with it.
void change_strategy(const std::string& strategy, json::object& policy) {
  if (strategy == "auto") {
    policy.erase("strategy");
  } else {
    policy["strategy"] = strategy;
  }
  if (strategy != "canary") policy.erase("steps");
  if (strategy != "canary" && strategy != "blue_green") policy.erase("bake_seconds");
}

void add_thresholds(CLI::App& command, PolicyFlags& flags) {
  const char* group = "By what it is judged";
  command
      .add_option("--requests-min", flags.requests_min,
                  "Requests of the new version before more than errors by far is said (50)")
      ->group(group);
  command
      .add_option("--error-ratio", flags.error_ratio,
                  "So many times the old version's rate is to be noticed (2)")
      ->group(group);
  command
      .add_option("--latency-factor", flags.latency_factor,
                  "Slow is beyond so many times the old version's median, or p99 (1.5) ...")
      ->group(group);
  command
      .add_option("--latency-slack", flags.latency_slack,
                  "... and this much beyond the median (2ms)")
      ->check(wrong_if_empty)
      ->group(group);
  command.add_option("--tail-slack", flags.tail_slack, "... or this much beyond the p99 (25ms)")
      ->check(wrong_if_empty)
      ->group(group);
  command
      .add_option("--false-alarm", flags.false_alarm,
                  "Of rollouts, how many may take back an equal version (0.01)")
      ->group(group);
  command
      .add_option("--miss", flags.miss,
                  "Of versions so much worse, how many may not show in the sample (0.05)")
      ->group(group);
}

Result<void> apply_judgement(const PolicyFlags& flags, json::object& judgement) {
  if (flags.judge) judgement["enabled"] = *flags.judge;
  if (!flags.silence.empty()) judgement["silence"] = flags.silence;
  if (!flags.proving.empty()) {
    HL_TRY_ASSIGN(judgement["proving_seconds"], read_seconds("--proving", flags.proving));
  }
  if (!flags.latency_slack.empty()) {
    HL_TRY_ASSIGN(const double slack, read_seconds("--latency-slack", flags.latency_slack));
    judgement["latency_slack_ms"] = slack * 1e3;
  }
  if (!flags.tail_slack.empty()) {
    HL_TRY_ASSIGN(const double slack, read_seconds("--tail-slack", flags.tail_slack));
    judgement["tail_slack_ms"] = slack * 1e3;
  }
  if (flags.requests_min) judgement["requests_min"] = *flags.requests_min;
  if (flags.error_ratio) judgement["error_ratio"] = *flags.error_ratio;
  if (flags.latency_factor) judgement["latency_factor"] = *flags.latency_factor;
  if (flags.false_alarm) judgement["false_alarm"] = *flags.false_alarm;
  if (flags.miss) judgement["miss"] = *flags.miss;
  return {};
}

}  // namespace

std::string wrong_if_empty(const std::string& text) {
  return text.empty() ? "must not be empty" : "";
}

void add_policy_flags(CLI::App& command, PolicyFlags& flags) {
  const char* group = "How it is changed";
  command
      .add_option("--strategy", flags.strategy,
                  "surge, shrink, hold_and_swap, blue_green, canary, or auto: the plan picks")
      ->check(word_of({"surge", "shrink", "hold_and_swap", "blue_green", "canary", "auto"}))
      ->group(group);
  command
      .add_option("--canary", flags.canary,
                  "Steps of a canary, percent of the traffic and time: 5:60s,50:60s")
      ->check(wrong_if_empty)
      ->group(group);
  command.add_option("--bake", flags.bake, "How long the last step is watched: 90, 90s, 2m")
      ->check(wrong_if_empty)
      ->group(group);
  command
      .add_option("--overlap", flags.overlap, "A change during a change: supersede, queue, refuse")
      ->check(word_of({"supersede", "queue", "refuse"}))
      ->group(group);
  command.add_option("--drop-budget", flags.drop_budget, "Requests that a change may lose")
      ->group(group);
  command
      .add_option("--slow-start", flags.slow_start, "A new instance's share rises over this time")
      ->check(wrong_if_empty)
      ->group(group);
  command
      .add_option("--silence", flags.silence,
                  "A step's bake with too few requests to judge by: advance, wait, warm_up")
      ->check(word_of({"advance", "wait", "warm_up"}))
      ->group(group);
  command
      .add_option(
          "--proving", flags.proving,
          "Without steps: how long the last old instance stays for a verdict; 0: not at all")
      ->check(wrong_if_empty)
      ->group(group);
  command
      .add_flag_function(
          "--judge,!--no-judge", [&flags](std::int64_t count) { flags.judge = count > 0; },
          "Judge the new version by its answers")
      ->group(group);
  add_thresholds(command, flags);
}

Result<double> read_seconds(std::string_view flag, std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(read.ptr - text.data()));
  for (const Unit& known : k_units) {
    const bool is_time = read.ec == std::errc() && std::isfinite(number) && number >= 0;
    if (is_time && unit == known.name) return number * known.seconds;
  }
  return Error(Code::invalid,
               fmt::format("{}: \"{}\" is no time, as 90, 90s, 2m or 500ms are", flag, text));
}

Result<void> apply_policy(const PolicyFlags& flags, const json::object& service,
                          json::object& body) {
  if (!is_set(flags)) return {};
  json::object policy =
      object_or_empty(body.contains("rollout_policy") ? body : service, "rollout_policy");
  if (!flags.strategy.empty()) change_strategy(flags.strategy, policy);
  if (!flags.canary.empty()) {
    if (flags.strategy.empty()) policy["strategy"] = "canary";
    HL_TRY_ASSIGN(policy["steps"], read_steps(flags.canary));
  }
  if (!flags.bake.empty()) {
    HL_TRY_ASSIGN(policy["bake_seconds"], read_seconds("--bake", flags.bake));
  }
  if (!flags.slow_start.empty()) {
    HL_TRY_ASSIGN(policy["slow_start_seconds"], read_seconds("--slow-start", flags.slow_start));
  }
  if (!flags.overlap.empty()) policy["overlap"] = flags.overlap;
  if (flags.drop_budget) policy["drop_budget"] = *flags.drop_budget;
  if (sets_judgement(flags)) {
    json::object judgement = object_or_empty(policy, "judgement");
    HL_TRY(apply_judgement(flags, judgement));
    policy["judgement"] = std::move(judgement);
  }
  body["rollout_policy"] = std::move(policy);
  return {};
}

}  // namespace hitless::cli
