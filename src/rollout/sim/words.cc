#include "rollout/sim/words.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace hitless::rollout {
namespace {

Result<double> read_fraction(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    return Error(Code::invalid, fmt::format("\"{}\" is not a number", word));
  return value;
}

// "10:30s,50:1m"
Result<std::vector<model::BakeStep>> read_steps(std::string_view text) {
  std::vector<model::BakeStep> steps;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t colon = part.find(':');
    if (colon == std::string_view::npos)
      return Error(Code::invalid, fmt::format("\"{}\": want WEIGHT:TIME[,…]", part));
    model::BakeStep step;
    HL_TRY_ASSIGN(step.weight, read_number(part.substr(0, colon)));
    HL_TRY_ASSIGN(step.bake, read_duration(part.substr(colon + 1)));
    steps.push_back(step);
  }
  return steps;
}

Result<model::Silence> read_silence(std::string_view word) {
  for (const auto silence :
       {model::Silence::advance, model::Silence::wait, model::Silence::warm_up}) {
    if (model::to_text(silence) == word) return silence;
  }
  return Error(Code::invalid, fmt::format("\"{}\": want advance, wait or warm_up", word));
}

// Whether it is an option of the service rather than of an entry.
Result<bool> read_policy(std::string_view name, std::string_view value,
                         model::RolloutPolicy& policy) {
  if (name == "strategy") {
    HL_TRY_ASSIGN(policy.strategy, model::strategy_from_text(value));
  } else if (name == "steps") {
    HL_TRY_ASSIGN(policy.steps, read_steps(value));
  } else if (name == "bake") {
    HL_TRY_ASSIGN(policy.bake, read_duration(value));
  } else if (name == "silence") {
    HL_TRY_ASSIGN(policy.judgement.silence, read_silence(value));
  } else if (name == "judged") {
    policy.judgement.enabled = value == "yes";
  } else if (name == "slow-start") {
    HL_TRY_ASSIGN(policy.slow_start, read_duration(value));
  } else if (name == "drop-budget") {
    HL_TRY_ASSIGN(const int requests, read_number(value));
    policy.drop_budget = static_cast<std::uint64_t>(std::max(0, requests));
  } else {
    return false;
  }
  return true;
}

Result<void> read_option(std::string_view word, model::ServiceConfig& config,
                         model::ConfigEntry& entry) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  if (equals == std::string_view::npos)
    return Error(Code::invalid, fmt::format("\"{}\": want NAME=VALUE", word));
  const std::string_view value = word.substr(equals + 1);
  HL_TRY_ASSIGN(const bool of_service, read_policy(name, value, config.policy));
  if (of_service) return {};
  if (name == "surge") {
    HL_TRY_ASSIGN(entry.knobs.max_surge, read_fraction(value));
  } else if (name == "unavailable") {
    HL_TRY_ASSIGN(entry.knobs.max_unavailable, read_fraction(value));
  } else if (name == "weight") {
    HL_TRY_ASSIGN(entry.weight, read_number(value));
  } else if (name == "timeout") {
    HL_TRY_ASSIGN(entry.knobs.deploy_timeout, read_duration(value));
  } else if (name == "grace") {
    HL_TRY_ASSIGN(entry.knobs.grace, read_duration(value));
  } else if (name == "memory") {
    HL_TRY_ASSIGN(entry.resources.memory_mib, read_number(value));
  } else {
    entry.envs[std::string(name)] = std::string(value);
  }
  return {};
}

}  // namespace

std::vector<Command> split_scenario(std::string_view text) {
  std::vector<Command> commands;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    std::istringstream parts(line);
    for (std::string part; std::getline(parts, part, ';');) {
      Command command{number, {}};
      std::istringstream words(part);
      for (std::string word; words >> word;) command.words.push_back(word);
      if (!command.words.empty()) commands.push_back(std::move(command));
    }
  }
  return commands;
}

Result<int> read_number(std::string_view word) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    return Error(Code::invalid, fmt::format("\"{}\" is not a whole number", word));
  return value;
}

Result<Duration> read_duration(std::string_view word) {
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  HL_TRY_ASSIGN(const int value, read_number(word.substr(0, digits)));
  const std::string_view unit = word.substr(digits);
  if (unit == "ms") return Duration(std::chrono::milliseconds(value));
  if (unit == "s") return Duration(std::chrono::seconds(value));
  if (unit == "m") return Duration(std::chrono::minutes(value));
  if (unit == "h") return Duration(std::chrono::hours(value));
  return Error(Code::invalid, fmt::format("\"{}\": want a time like 5s, 20ms, 2m or 1h", word));
}

Result<model::ServiceConfig> read_config(const std::vector<std::string>& words, std::size_t from) {
  model::ServiceConfig config;
  std::size_t at = from;
  while (at < words.size()) {
    if (words.size() - at < 3 || words[at + 1] != "of")
      return Error(Code::invalid, "want NUMBER of MODEL [NAME=VALUE …] [+ …]");
    model::ConfigEntry entry;
    HL_TRY_ASSIGN(entry.instance_count, read_number(words[at]));
    entry.model = model::ModelId(words[at + 2]);
    for (at += 3; at < words.size() && words[at] != "+"; ++at) {
      HL_TRY(read_option(words[at], config, entry));
    }
    ++at;
    config.entries.push_back(std::move(entry));
  }
  return config;
}

}  // namespace hitless::rollout
