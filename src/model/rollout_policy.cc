#include "model/rollout_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<Strategy, 6> k_strategies{{
    {Strategy::none, "none"},
    {Strategy::surge, "surge"},
    {Strategy::shrink, "shrink"},
    {Strategy::hold_and_swap, "hold_and_swap"},
    {Strategy::blue_green, "blue_green"},
    {Strategy::canary, "canary"},
}};

constexpr Words<Overlap, 3> k_overlaps{{
    {Overlap::supersede, "supersede"},
    {Overlap::queue, "queue"},
    {Overlap::refuse, "refuse"},
}};

constexpr Words<Silence, 3> k_silences{{
    {Silence::advance, "advance"},
    {Silence::wait, "wait"},
    {Silence::warm_up, "warm_up"},
}};

constexpr std::array<std::string_view, 7> k_policy_members{
    "strategy",  "steps",       "bake_seconds",      "overlap",
    "judgement", "drop_budget", "slow_start_seconds"};
constexpr std::array<std::string_view, 2> k_step_members{"weight", "bake_seconds"};
constexpr std::array<std::string_view, 10> k_judgement_members{
    "enabled",       "requests_min", "error_ratio", "latency_factor", "latency_slack_ms",
    "tail_slack_ms", "false_alarm",  "miss",        "silence",        "proving_seconds"};

// A week: a bake that is longer is a second service, not a rollout.
constexpr double k_bake_seconds_max = 7 * 24 * 3600;
// An hour: a slow start that is longer keeps a rollout from ending.
constexpr double k_slow_start_seconds_max = 3600;
// An hour: who wants to watch for longer wants a canary or blue/green.
constexpr double k_proving_seconds_max = 3600;
// An hour: no request lasts longer.
constexpr double k_slack_ms_max = 3'600'000;
constexpr std::int64_t k_count_max = 1'000'000'000;
// Each step is a look at the evidence, and each look costs certainty.
constexpr std::size_t k_steps_max = 20;

Error invalid(std::string text) {
  return Error(Code::invalid, std::move(text));
}

Result<double> number_within(const json::object& from, std::string_view name, double otherwise,
                             double low, double high) {
  HL_TRY_ASSIGN(const std::optional<double> found, find_number(from, name));
  const double number = found.value_or(otherwise);
  if (!(number >= low && number <= high)) {
    return invalid(fmt::format("field [{}] must be from {:g} to {:g}", name, low, high));
  }
  return number;
}

Result<Duration> seconds_within(const json::object& from, std::string_view name, double high,
                                double otherwise = 0) {
  HL_TRY_ASSIGN(const double seconds, number_within(from, name, otherwise, 0, high));
  return Duration(std::llround(seconds * 1e6));
}

Result<std::uint64_t> count_within(const json::object& from, std::string_view name,
                                   std::uint64_t otherwise, std::int64_t low) {
  HL_TRY_ASSIGN(const std::optional<std::int64_t> found, find_int(from, name));
  if (!found) return otherwise;
  if (*found < low || *found > k_count_max) {
    return invalid(fmt::format("field [{}] must be from {} to {}", name, low, k_count_max));
  }
  return static_cast<std::uint64_t>(*found);
}

template <class Table, class E>
Result<E> word_of(const json::object& from, std::string_view name, const Table& words,
                  E otherwise) {
  HL_TRY_ASSIGN(const std::optional<std::string> found, find_string(from, name));
  if (!found) return otherwise;
  const auto value = value_of(words, *found, name);
  if (value) return *value;
  return invalid(fmt::format("field [{}] must be one of {}", name, list_of(words)));
}

double millis(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Result<std::vector<BakeStep>> read_steps(const json::object& object) {
  if (object.if_contains("steps") == nullptr) return std::vector<BakeStep>();
  HL_TRY_ASSIGN(const json::array* list, get_array(object, "steps"));
  std::vector<BakeStep> steps;
  for (const json::value& each : *list) {
    Result<BakeStep> step = bake_step_from_json(each);
    if (!step) return in_field(fmt::format("steps[{}]", steps.size()), step.error());
    steps.push_back(*step);
  }
  if (steps.size() > k_steps_max) {
    return invalid(fmt::format("field [steps] must have at most {} steps", k_steps_max));
  }
  for (std::size_t index = 1; index < steps.size(); ++index) {
    if (steps[index].weight <= steps[index - 1].weight) {
      return invalid(
          fmt::format("field [steps[{}].weight] must be more than the step before has", index));
    }
  }
  return steps;
}

Result<void> check_together(const RolloutPolicy& policy) {
  const auto is = [&](Strategy strategy) { return policy.strategy == strategy; };
  if (!policy.steps.empty() && !is(Strategy::canary)) {
    return invalid("field [steps] belongs to strategy canary alone");
  }
  if (policy.bake > Duration{} && !is(Strategy::blue_green) && !is(Strategy::canary)) {
    return invalid("field [bake_seconds] belongs to strategies blue_green and canary");
  }
  return {};
}

}  // namespace

std::string_view to_text(Strategy strategy) {
  return text_of(k_strategies, strategy);
}

Result<Strategy> strategy_from_text(std::string_view text) {
  return value_of(k_strategies, text, "strategy");
}

std::string_view to_text(Overlap overlap) {
  return text_of(k_overlaps, overlap);
}

std::string_view to_text(Silence silence) {
  return text_of(k_silences, silence);
}

json::value to_json(const BakeStep& step) {
  return json::object{{"weight", step.weight}, {"bake_seconds", seconds(step.bake)}};
}

Result<BakeStep> bake_step_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_step_members));
  BakeStep step;
  HL_TRY_ASSIGN(const std::int64_t weight, get_int(*object, "weight"));
  if (weight < 1 || weight > 100) return invalid("field [weight] must be from 1 to 100");
  step.weight = static_cast<int>(weight);
  HL_TRY_ASSIGN(step.bake, seconds_within(*object, "bake_seconds", k_bake_seconds_max));
  return step;
}

json::value to_json(const Judgement& judgement) {
  return json::object{{"enabled", judgement.enabled},
                      {"requests_min", static_cast<std::int64_t>(judgement.requests_min)},
                      {"error_ratio", judgement.error_ratio},
                      {"latency_factor", judgement.latency_factor},
                      {"latency_slack_ms", millis(judgement.latency_slack)},
                      {"tail_slack_ms", millis(judgement.tail_slack)},
                      {"false_alarm", judgement.false_alarm},
                      {"miss", judgement.miss},
                      {"silence", to_text(judgement.silence)},
                      {"proving_seconds", seconds(judgement.proving)}};
}

Result<Judgement> judgement_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_judgement_members));
  const Judgement usual;
  Judgement read;
  HL_TRY_ASSIGN(const std::optional<bool> enabled, find_bool(*object, "enabled"));
  read.enabled = enabled.value_or(usual.enabled);
  HL_TRY_ASSIGN(read.requests_min, count_within(*object, "requests_min", usual.requests_min, 1));
  HL_TRY_ASSIGN(read.error_ratio,
                number_within(*object, "error_ratio", usual.error_ratio, 1.1, 1000));
  HL_TRY_ASSIGN(read.latency_factor,
                number_within(*object, "latency_factor", usual.latency_factor, 1.05, 1000));
  HL_TRY_ASSIGN(const double slack, number_within(*object, "latency_slack_ms",
                                                  millis(usual.latency_slack), 0, k_slack_ms_max));
  read.latency_slack = Duration(std::llround(slack * 1e3));
  HL_TRY_ASSIGN(const double tail, number_within(*object, "tail_slack_ms", millis(usual.tail_slack),
                                                 0, k_slack_ms_max));
  read.tail_slack = Duration(std::llround(tail * 1e3));
  HL_TRY_ASSIGN(read.false_alarm,
                number_within(*object, "false_alarm", usual.false_alarm, 1e-9, 0.5));
  HL_TRY_ASSIGN(read.miss, number_within(*object, "miss", usual.miss, 1e-9, 0.5));
  HL_TRY_ASSIGN(read.silence, word_of(*object, "silence", k_silences, usual.silence));
  HL_TRY_ASSIGN(read.proving, seconds_within(*object, "proving_seconds", k_proving_seconds_max,
                                             seconds(usual.proving)));
  return read;
}

json::value to_json(const RolloutPolicy& policy) {
  json::array steps;
  for (const BakeStep& step : policy.steps) steps.push_back(to_json(step));
  json::object object{{"steps", std::move(steps)},
                      {"bake_seconds", seconds(policy.bake)},
                      {"overlap", to_text(policy.overlap)},
                      {"judgement", to_json(policy.judgement)},
                      {"drop_budget", static_cast<std::int64_t>(policy.drop_budget)},
                      {"slow_start_seconds", seconds(policy.slow_start)}};
  if (policy.strategy) object["strategy"] = to_text(*policy.strategy);
  return object;
}

Result<RolloutPolicy> rollout_policy_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_policy_members));
  RolloutPolicy policy;
  HL_TRY_ASSIGN(const std::optional<std::string> strategy, find_string(*object, "strategy"));
  if (strategy) {
    const auto known = strategy_from_text(*strategy);
    if (!known || *known == Strategy::none) {
      return invalid(
          fmt::format("field [strategy] must be one of {}; leave it out to let the plan pick one",
                      list_of(k_strategies, std::optional(Strategy::none))));
    }
    policy.strategy = *known;
  }
  HL_TRY_ASSIGN(policy.steps, read_steps(*object));
  HL_TRY_ASSIGN(policy.bake, seconds_within(*object, "bake_seconds", k_bake_seconds_max));
  HL_TRY_ASSIGN(policy.overlap, word_of(*object, "overlap", k_overlaps, policy.overlap));
  if (const json::value* judgement = object->if_contains("judgement")) {
    auto read = judgement_from_json(*judgement);
    if (!read) return in_field("judgement", read.error());
    policy.judgement = *std::move(read);
  }
  HL_TRY_ASSIGN(policy.drop_budget, count_within(*object, "drop_budget", 0, 0));
  HL_TRY_ASSIGN(policy.slow_start,
                seconds_within(*object, "slow_start_seconds", k_slow_start_seconds_max));
  HL_TRY(check_together(policy));
  return policy;
}

}  // namespace hitless::model
