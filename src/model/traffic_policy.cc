#include "model/traffic_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/json_members.h"

namespace hitless::model {
namespace {

constexpr std::array<std::string_view, 5> k_policy_members{
    "rate_limit", "concurrency_limit", "sticky", "circuit_breaker", "stream_drain_seconds"};
constexpr std::array<std::string_view, 3> k_rate_members{"requests", "seconds", "burst"};
constexpr std::array<std::string_view, 2> k_sticky_members{"header", "cookie"};
constexpr std::array<std::string_view, 2> k_breaker_members{"failures", "open_seconds"};

// More than a machine serves: a limit above it limits nothing.
constexpr std::int64_t k_requests_max = 1'000'000;
// An hour: what is rarer than that is a quota, and no gateway's business.
constexpr std::int64_t k_rate_seconds_max = 3600;
// In a row: with more, an instance that answers nothing is called for too long.
constexpr std::int64_t k_failures_max = 1000;
constexpr double k_open_seconds_min = 0.1;
constexpr double k_open_seconds_max = 3600;
constexpr double k_stream_drain_seconds_min = 0.1;
// A week: nobody waits longer for the end of a change.
constexpr double k_stream_drain_seconds_max = 7 * 86400;
constexpr std::size_t k_name_bytes_max = 64;

// Fields that say where a message ends, who calls or what belongs to the hop: the same for many
// clients or gone before it could be looked at.
constexpr std::array<std::string_view, 11> k_reserved{
    "host",         "content-length", "transfer-encoding", "connection",      "upgrade", "te",
    "x-auth-token", "authorization",  "x-apig-appcode",    "x-forwarded-for", "cookie"};

Error invalid(std::string text) {
  return Error(Code::invalid, std::move(text));
}

Result<std::optional<std::int64_t>> count_within(const json::object& from, std::string_view name,
                                                 std::int64_t high) {
  HL_TRY_ASSIGN(const std::optional<std::int64_t> found, find_int(from, name));
  if (found && (*found < 1 || *found > high)) {
    return invalid(fmt::format("field [{}] must be from 1 to {}", name, high));
  }
  return found;
}

Result<std::optional<Duration>> seconds_within(const json::object& from, std::string_view name,
                                               double low, double high) {
  HL_TRY_ASSIGN(const std::optional<double> found, find_number(from, name));
  if (!found) return std::optional<Duration>();
  if (!(*found >= low && *found <= high)) {
    return invalid(fmt::format("field [{}] must be from {:g} to {:g}", name, low, high));
  }
  return std::optional<Duration>(Duration(std::llround(*found * 1e6)));
}

bool is_token(std::string_view text) {
  constexpr std::string_view k_marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || k_marks.find(byte) != std::string_view::npos;
  });
}

Result<std::string> name_of(const std::string& text, std::string_view field) {
  if (!is_token(text) || text.size() > k_name_bytes_max) {
    return invalid(fmt::format("field [{}] must be a name of at most {} letters, digits and marks",
                               field, k_name_bytes_max));
  }
  return text;
}

Result<RateLimit> rate_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_rate_members));
  RateLimit rate;
  HL_TRY_ASSIGN(const auto requests, count_within(*object, "requests", k_requests_max));
  if (!requests) return invalid("field [requests] is required");
  HL_TRY_ASSIGN(const auto seconds, count_within(*object, "seconds", k_rate_seconds_max));
  HL_TRY_ASSIGN(const auto burst, count_within(*object, "burst", k_requests_max));
  rate.requests = *requests;
  rate.seconds = seconds.value_or(1);
  rate.burst = burst.value_or(rate.requests);
  return rate;
}

Result<Sticky> sticky_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_sticky_members));
  HL_TRY_ASSIGN(const std::optional<std::string> header, find_string(*object, "header"));
  HL_TRY_ASSIGN(const std::optional<std::string> cookie, find_string(*object, "cookie"));
  if (header.has_value() == cookie.has_value()) {
    return invalid("one of the fields [header] and [cookie] must be there, and only one");
  }
  Sticky sticky;
  if (cookie) {
    sticky.by = Sticky::By::cookie;
    HL_TRY_ASSIGN(sticky.name, name_of(*cookie, "cookie"));
    return sticky;
  }
  sticky.by = Sticky::By::header;
  HL_TRY_ASSIGN(sticky.name, name_of(*header, "header"));
  const std::string name = lower(sticky.name);
  if (std::find(k_reserved.begin(), k_reserved.end(), name) != k_reserved.end()) {
    return invalid(fmt::format("field [header]: {} says nothing about a session", sticky.name));
  }
  return sticky;
}

Result<CircuitBreaker> breaker_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_breaker_members));
  CircuitBreaker breaker;
  HL_TRY_ASSIGN(const auto failures, count_within(*object, "failures", k_failures_max));
  if (!failures) return invalid("field [failures] is required");
  breaker.failures = *failures;
  HL_TRY_ASSIGN(const std::optional<Duration> open,
                seconds_within(*object, "open_seconds", k_open_seconds_min, k_open_seconds_max));
  breaker.open = open.value_or(breaker.open);
  return breaker;
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The member `name` by `read`, when it is there.
template <class T, class Read>
Result<void> read_part(const json::object& from, std::string_view name, Read read, T& to) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  Result<T> part = read(*value);
  if (!part) return in_field(std::string(name), part.error());
  to = *std::move(part);
  return {};
}

}  // namespace

json::value to_json(const TrafficPolicy& policy) {
  json::object object;
  if (policy.rate.is_set()) {
    object["rate_limit"] = json::object{{"requests", policy.rate.requests},
                                        {"seconds", policy.rate.seconds},
                                        {"burst", policy.rate.burst}};
  }
  if (policy.concurrency > 0) object["concurrency_limit"] = policy.concurrency;
  if (policy.sticky.by != Sticky::By::none) {
    const char* by = policy.sticky.by == Sticky::By::header ? "header" : "cookie";
    object["sticky"] = json::object{{by, policy.sticky.name}};
  }
  if (policy.breaker.is_set()) {
    object["circuit_breaker"] = json::object{{"failures", policy.breaker.failures},
                                             {"open_seconds", seconds(policy.breaker.open)}};
  }
  if (policy.stream_drain != k_stream_drain) {
    object["stream_drain_seconds"] = seconds(policy.stream_drain);
  }
  return object;
}

Result<TrafficPolicy> traffic_policy_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, object_of(value, k_policy_members));
  TrafficPolicy policy;
  HL_TRY(read_part(*object, "rate_limit", rate_from_json, policy.rate));
  HL_TRY_ASSIGN(const auto concurrency, count_within(*object, "concurrency_limit", k_requests_max));
  policy.concurrency = concurrency.value_or(0);
  HL_TRY(read_part(*object, "sticky", sticky_from_json, policy.sticky));
  HL_TRY(read_part(*object, "circuit_breaker", breaker_from_json, policy.breaker));
  HL_TRY_ASSIGN(const std::optional<Duration> drain,
                seconds_within(*object, "stream_drain_seconds", k_stream_drain_seconds_min,
                               k_stream_drain_seconds_max));
  policy.stream_drain = drain.value_or(k_stream_drain);
  return policy;
}

Result<TrafficPolicy> find_traffic(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr) return TrafficPolicy();
  return traffic_policy_from_json(*value);
}

std::vector<TrafficField> fields_of(const TrafficPolicy& policy) {
  const RateLimit& rate = policy.rate;
  const auto sticky = [&]() -> std::string {
    if (policy.sticky.by == Sticky::By::none) return {};
    return (policy.sticky.by == Sticky::By::header ? "header " : "cookie ") + policy.sticky.name;
  };
  return {
      {"rate_limit",
       rate.is_set() ? fmt::format("{} in {} s, burst {}", rate.requests, rate.seconds, rate.burst)
                     : ""},
      {"concurrency_limit", policy.concurrency > 0 ? std::to_string(policy.concurrency) : ""},
      {"sticky", sticky()},
      {"circuit_breaker", policy.breaker.is_set()
                              ? fmt::format("{} failures, {:g} s", policy.breaker.failures,
                                            seconds(policy.breaker.open))
                              : ""},
      {"stream_drain_seconds", policy.stream_drain != k_stream_drain
                                   ? fmt::format("{:g}", seconds(policy.stream_drain))
                                   : ""},
  };
}

}  // namespace hitless::model
