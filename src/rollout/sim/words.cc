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

Result<void> read_option(std::string_view word, model::ConfigEntry& entry) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  if (equals == std::string_view::npos)
    return Error(Code::invalid, fmt::format("\"{}\": want NAME=VALUE", word));
  const std::string_view value = word.substr(equals + 1);
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
      HL_TRY(read_option(words[at], entry));
    }
    ++at;
    config.entries.push_back(std::move(entry));
  }
  return config;
}

}  // namespace hitless::rollout
