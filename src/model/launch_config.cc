// launch_from_config: config.json as written by people, checked member by member.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "model/json_members.h"
#include "model/model_version.h"

namespace hitless::model {
namespace {

// What config.json may hold.  The contract's members, spellings of its published samples, and ours
// (command, listen, warm_up).  Anything else is most likely a typing error and is refused.
constexpr std::array<std::string_view, 19> k_known_members{
    "model_algorithm", "model_type",   "runtime",        "swr_location", "protocol",
    "procotol",        "port",         "metrics",        "apis",         "dependencies",
    "health",          "command",      "startup_health", "listen",       "readiness_health",
    "model_name",      "model_source", "description",    "warm_up",
};

constexpr std::array<std::string_view, 9> k_health_members{
    "check_method",      "protocol",        "url",
    "command",           "period_seconds",  "initial_delay_seconds",
    "failure_threshold", "timeout_seconds", "procotol",
};

constexpr std::string_view k_onnx_health_path = "/v2/health/ready";

Error wrong(std::string_view field, std::string_view wanted) {
  return Error(Code::invalid, fmt::format("config.json: field [{}] must be {}", field, wanted));
}

const json::value* find(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

template <class Names>
Result<void> refuse_unknown(const json::object& from, const Names& known, std::string_view above) {
  std::string unknown;
  for (const auto& member : from) {
    const std::string_view name = member.key();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    unknown.append(unknown.empty() ? "" : ", ").append(above).append(name);
  }
  if (unknown.empty()) return {};
  return Error(Code::invalid, fmt::format("config.json has unknown fields: {}", unknown));
}

// A string member in lower case; `otherwise` when absent.
Result<std::string> read_word(const json::object& from, std::string_view name,
                              std::string_view field, std::string_view otherwise) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) return wrong(field, "a string");
  return lower(value->get_string());
}

// A numeric string or an integer, as the contract's samples mix them.
Result<std::optional<std::int64_t>> read_number(const json::object& from, std::string_view name,
                                                std::string_view field, std::int64_t least,
                                                std::int64_t most) {
  const json::value* value = find(from, name);
  if (value == nullptr) return std::optional<std::int64_t>();
  std::int64_t number = -1;
  bool whole = false;
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    whole = failure == std::errc() && end == text.data() + text.size();
  } else if (value->is_int64()) {
    number = value->get_int64();
    whole = true;
  }
  if (!whole || number < least || number > most) {
    return wrong(field, fmt::format("a whole number from {} to {}", least, most));
  }
  return std::optional<std::int64_t>(number);
}

std::vector<std::string> split_on_blanks(std::string_view text) {
  std::vector<std::string> words;
  constexpr std::string_view k_blanks = " \t\r\n";
  while (true) {
    const std::size_t begin = text.find_first_not_of(k_blanks);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(text.find_first_of(k_blanks, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

// An array of words, or one string split on blanks; empty when absent.
Result<std::vector<std::string>> read_command(const json::object& from, std::string_view field) {
  const json::value* value = find(from, "command");
  if (value == nullptr) return std::vector<std::string>();
  constexpr std::string_view k_wanted = "an array of strings, or one string of words";
  std::vector<std::string> words;
  if (value->is_string()) {
    words = split_on_blanks(value->get_string());
  } else if (value->is_array()) {
    for (const json::value& item : value->get_array()) {
      if (!item.is_string()) return wrong(field, k_wanted);
      words.emplace_back(item.get_string());
    }
  } else {
    return wrong(field, k_wanted);
  }
  for (const std::string& word : words) {
    if (word.find('\0') != std::string::npos) return wrong(field, "free of NUL characters");
  }
  if (words.empty() || words.front().empty()) return wrong(field, "a program and its arguments");
  return words;
}

Result<std::string> read_path(const json::object& from, const std::string& field,
                              const std::string& otherwise) {
  const json::value* value = find(from, "url");
  if (value == nullptr) return otherwise;
  const std::string path(value->is_string() ? std::string_view(value->get_string()) : "");
  const bool printable =
      std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!path.starts_with('/') || !printable) {
    return wrong(field, "a path that begins with / and has no blanks, like \"/health\"");
  }
  return path;
}

// How the check asks: by HTTP and where, or with which command.
Result<void> read_method(const json::object& from, std::string_view above, HealthCheck& health) {
  const auto field = [&](std::string_view name) { return fmt::format("{}.{}", above, name); };
  HL_TRY_ASSIGN(const std::string protocol, read_word(from, "protocol", field("protocol"), "http"));
  if (protocol != "http") return wrong(field("protocol"), "\"http\"");
  HL_TRY_ASSIGN(const std::string method,
                read_word(from, "check_method", field("check_method"), "http"));
  if (method != "http" && method != "exec") {
    return wrong(field("check_method"), "\"HTTP\" or \"EXEC\"");
  }
  HL_TRY_ASSIGN(health.path, read_path(from, field("url"), health.path));
  if (method == "http") return {};
  health.method = HealthCheck::Method::exec;
  HL_TRY_ASSIGN(health.command, read_command(from, field("command")));
  if (health.command.empty()) {
    return wrong(field("command"), "given when check_method is \"EXEC\"");
  }
  return {};
}

// `known` comes from the engine; what config.json says wins.
Result<HealthCheck> read_health(const json::object& from, std::string_view above,
                                HealthCheck health) {
  HL_TRY(refuse_unknown(from, k_health_members, fmt::format("{}.", above)));
  HL_TRY(read_method(from, above, health));
  const auto number = [&](std::string_view name, std::int64_t least) {
    return read_number(from, name, fmt::format("{}.{}", above, name), least,
                       std::numeric_limits<std::int32_t>::max());
  };
  HL_TRY_ASSIGN(const auto period, number("period_seconds", 1));
  HL_TRY_ASSIGN(const auto delay, number("initial_delay_seconds", 0));
  HL_TRY_ASSIGN(const auto threshold, number("failure_threshold", 1));
  HL_TRY_ASSIGN(const auto timeout, number("timeout_seconds", 1));
  if (period) health.period = std::chrono::seconds(*period);
  if (delay) health.initial_delay = std::chrono::seconds(*delay);
  if (threshold) health.failure_threshold = static_cast<int>(*threshold);
  if (timeout) health.timeout = std::chrono::seconds(*timeout);
  return health;
}

// Of the three probes the one that says "may get traffic" is kept; all given ones are checked.
Result<void> read_probes(const json::object& config, HealthCheck& health) {
  const HealthCheck known = health;
  for (const std::string_view name : {"startup_health", "health", "readiness_health"}) {
    const json::value* value = find(config, name);
    if (value == nullptr) continue;
    if (!value->is_object()) return wrong(name, "an object");
    HL_TRY_ASSIGN(health, read_health(value->get_object(), name, known));
  }
  return {};
}

// What an instance speaks and where.  The port itself is the driver's to give ("{port}"), so here
// it is only checked.
Result<void> read_listening(const json::object& config, Launch& launch) {
  for (const std::string_view name : {"protocol", "procotol"}) {
    HL_TRY_ASSIGN(const std::string protocol, read_word(config, name, name, "http"));
    if (protocol != "http") {
      return wrong(name, "\"http\": instances run behind the gateway, which speaks TLS for them");
    }
  }
  HL_TRY(read_number(config, "port", "port", 1, std::numeric_limits<std::uint16_t>::max()));
  HL_TRY_ASSIGN(const std::string listen,
                read_word(config, "listen", "listen", launch.listens_on_unix ? "unix" : "tcp"));
  if (listen != "unix" && listen != "tcp") return wrong("listen", "\"tcp\" or \"unix\"");
  launch.listens_on_unix = listen == "unix";
  return {};
}

Result<void> check_type(const json::object& config, const std::string& engine) {
  HL_TRY_ASSIGN(const std::string named, read_word(config, "model_type", "model_type", engine));
  if (named == engine) return {};
  return wrong("model_type",
               fmt::format("\"{}\", the type that the model is imported with, but the package says "
                           "\"{}\": import it with that type",
                           engine, named));
}

}  // namespace

Result<Launch> launch_from_config(const json::object& config, std::string_view type) {
  const std::string engine = lower(type);
  if (engine != "onnx" && engine != "custom") {
    return Error(Code::unsupported,
                 fmt::format("model_type [{}] cannot be run by this version of hitless; it runs "
                             "ONNX (a model.onnx file) and Custom (a command of your own)",
                             type));
  }
  HL_TRY(refuse_unknown(config, k_known_members, ""));
  HL_TRY(check_type(config, engine));
  Launch launch;
  if (engine == "onnx") {
    launch.engine = Engine::onnx;
    launch.listens_on_unix = true;
    launch.health.path = k_onnx_health_path;
  }
  HL_TRY(read_listening(config, launch));
  HL_TRY_ASSIGN(launch.command, read_command(config, "command"));
  const bool custom = launch.engine == Engine::custom;
  if (custom && launch.command.empty()) {
    return wrong("command", "given when model_type is \"Custom\": the program and its arguments");
  }
  if (!custom && !launch.command.empty()) {
    return wrong("command", "left out when model_type is \"ONNX\"");
  }
  HL_TRY(read_probes(config, launch.health));
  if (const json::value* warm_up = find(config, "warm_up")) {
    auto read = warm_up_from_json(*warm_up);
    if (!read) return std::move(read).error().context("config.json");
    launch.warm_up = *std::move(read);
  }
  return launch;
}

}  // namespace hitless::model
