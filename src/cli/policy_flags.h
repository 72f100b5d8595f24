// Flags that say how a service wants to be changed (rollout_policy).  The rest is pure.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace hitless::cli {

// What the flags said; absent means "as it is".
struct PolicyFlags {
  std::string strategy;  // "auto": the plan picks
  std::string canary;    // "5:60s,50:60s"
  std::string bake;
  std::string overlap;
  std::string silence;
  std::string proving;
  std::string slow_start;
  std::string latency_slack;
  std::string tail_slack;
  std::optional<std::int64_t> requests_min;
  std::optional<double> error_ratio;
  std::optional<double> latency_factor;
  std::optional<double> false_alarm;
  std::optional<double> miss;
  std::optional<std::int64_t> drop_budget;
  std::optional<bool> judge;
};

void add_policy_flags(CLI::App& command, PolicyFlags& flags);

// Puts rollout_policy into the body if a flag asks for it.  It is sent whole, so it starts from the
// body's own, else from the one that `service` has.
Result<void> apply_policy(const PolicyFlags& flags, const json::object& service,
                          json::object& body);

// What is wrong with a flag's text if it is empty; for checks of flags.
std::string wrong_if_empty(const std::string& text);

// "90", "90s", "1.5m", "2h", "500ms"; the error names the flag.
Result<double> read_seconds(std::string_view flag, std::string_view text);

}  // namespace hitless::cli
