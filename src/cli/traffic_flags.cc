#include "cli/traffic_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/policy_flags.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "model/traffic_policy.h"

namespace hitless::cli {
namespace {

constexpr std::string_view k_none = "none";

Error not_of_the_form(std::string_view flag, std::string_view text, std::string_view form) {
  return Error(Code::invalid, fmt::format("{}: \"{}\" is not of the form {}", flag, text, form));
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

// What stands before and behind the first `mark`, if there is one.
std::pair<std::string_view, std::optional<std::string_view>> split(std::string_view text,
                                                                   char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

Result<json::value> read_rate(std::string_view text) {
  constexpr std::string_view k_flag = "--rate-limit";
  constexpr std::string_view k_form = "REQUESTS[/TIME][:BURST], as in 100, 100/s or 10/60s:20";
  const auto [rate, burst] = split(text, ':');
  const auto [requests, time] = split(rate, '/');
  const std::optional<std::int64_t> count = whole(requests);
  if (!count) return not_of_the_form(k_flag, text, k_form);
  json::object limit{{"requests", *count}};
  if (time) {
    // "100/s" reads as "100 a second".
    const bool is_unit = !time->empty() && time->front() >= 'a' && time->front() <= 'z';
    HL_TRY_ASSIGN(const double seconds,
                  read_seconds(k_flag, is_unit ? "1" + std::string(*time) : std::string(*time)));
    if (seconds != std::floor(seconds)) return not_of_the_form(k_flag, text, k_form);
    limit["seconds"] = static_cast<std::int64_t>(seconds);
  }
  if (burst) {
    const std::optional<std::int64_t> at_once = whole(*burst);
    if (!at_once) return not_of_the_form(k_flag, text, k_form);
    limit["burst"] = *at_once;
  }
  return json::value(std::move(limit));
}

Result<json::value> read_concurrency(std::string_view text) {
  const std::optional<std::int64_t> count = whole(text);
  if (!count) return not_of_the_form("--concurrency-limit", text, "REQUESTS, as in 32");
  return json::value(*count);
}

Result<json::value> read_sticky(std::string_view text) {
  const auto [by, name] = split(text, ':');
  if ((by != "header" && by != "cookie") || !name || name->empty()) {
    return not_of_the_form("--sticky", text, "header:NAME or cookie:NAME");
  }
  return json::value(json::object{{by, *name}});
}

Result<json::value> read_breaker(std::string_view text) {
  const auto [failures, time] = split(text, ':');
  const std::optional<std::int64_t> count = whole(failures);
  if (!count) {
    return not_of_the_form("--circuit-breaker", text, "FAILURES[:TIME], as in 5 or 5:10s");
  }
  json::object breaker{{"failures", *count}};
  if (time) {
    HL_TRY_ASSIGN(breaker["open_seconds"], read_seconds("--circuit-breaker", *time));
  }
  return json::value(std::move(breaker));
}

Result<json::value> read_stream_drain(std::string_view text) {
  HL_TRY_ASSIGN(const double seconds, read_seconds("--stream-drain", text));
  return json::value(seconds);
}

template <class Read>
Result<void> apply(const std::string& flag, std::string_view name, Read read,
                   json::object& policy) {
  if (flag.empty()) return {};
  if (flag == k_none) {
    policy.erase(name);
    return {};
  }
  HL_TRY_ASSIGN(policy[name], read(flag));
  return {};
}

}  // namespace

void add_traffic_flags(CLI::App& command, TrafficFlags& flags) {
  const char* group = "What it lets in, and where that goes";
  const auto add = [&](const char* name, std::string& flag, const char* text) {
    command.add_option(name, flag, text)->check(wrong_if_empty)->group(group);
  };
  add("--rate-limit", flags.rate_limit, "Requests in a time, and at once: 100/s, 10/60s:20, none");
  add("--concurrency-limit", flags.concurrency_limit, "Requests in progress at once: 32, none");
  add("--sticky", flags.sticky,
      "What keeps a session at its instance: header:NAME, cookie:NAME, none");
  add("--circuit-breaker", flags.circuit_breaker,
      "Failures in a row that keep requests from an instance, and for how long: 5:10s, none");
  add("--stream-drain", flags.stream_drain,
      "How long a stream may outlive its instance's place: 90s, 2h, none (an hour)");
}

Result<void> apply_traffic(const TrafficFlags& flags, const json::object& service,
                           json::object& body) {
  const bool is_set = !flags.rate_limit.empty() || !flags.concurrency_limit.empty() ||
                      !flags.sticky.empty() || !flags.circuit_breaker.empty() ||
                      !flags.stream_drain.empty();
  if (!is_set) return {};
  json::object policy =
      object_or_empty(body.contains("traffic_policy") ? body : service, "traffic_policy");
  HL_TRY(apply(flags.rate_limit, "rate_limit", read_rate, policy));
  HL_TRY(apply(flags.concurrency_limit, "concurrency_limit", read_concurrency, policy));
  HL_TRY(apply(flags.sticky, "sticky", read_sticky, policy));
  HL_TRY(apply(flags.circuit_breaker, "circuit_breaker", read_breaker, policy));
  HL_TRY(apply(flags.stream_drain, "stream_drain_seconds", read_stream_drain, policy));
  body["traffic_policy"] = std::move(policy);
  return {};
}

std::string traffic_text(const json::object& service) {
  const json::value* value = service.if_contains("traffic_policy");
  const auto policy = value == nullptr ? Result<model::TrafficPolicy>(model::TrafficPolicy())
                                       : model::traffic_policy_from_json(*value);
  if (!policy) return to_json_text(*value);  // of a later version: as it is
  std::string text;
  for (const model::TrafficField& field : fields_of(*policy)) {
    if (field.text.empty()) continue;
    std::string name = field.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    text.append(text.empty() ? "" : "; ").append(name).append(" ").append(field.text);
  }
  return text;
}

std::string refused_text(const json::object& service) {
  const json::object& refused = object_or_empty(object_or_empty(service, "hitless"), "refused");
  std::string text;
  const auto tell = [&](std::string_view name, std::string_view by) {
    const std::int64_t count = int_or_zero(refused, name);
    if (count == 0) return;
    text.append(text.empty() ? "" : ", ").append(fmt::format("{} {}", human_count(count), by));
  };
  tell("rate_limit", "by its rate limit");
  tell("concurrency_limit", "by its concurrency limit");
  tell("circuit_open", "by open circuits");
  return text;
}

}  // namespace hitless::cli
