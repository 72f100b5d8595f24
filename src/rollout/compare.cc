#include "rollout/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace hitless::rollout {
namespace {

using model::Change;
using model::ChangeClass;
using model::ConfigEntry;

// Members of an entry as sent that replace its instances and have no field of their own here.
constexpr std::array k_replacing_members = {"affinity", "cluster_id",       "log_volume",
                                            "mounts",   "priority",         "service_secrets",
                                            "volumes",  "websocket_upgrade"};

class Comparison {
 public:
  Comparison(std::string path, std::vector<Change>& changes)
      : path_(std::move(path)), changes_(changes) {}

  void field(ChangeClass change_class, std::string_view name, std::string from, std::string to) {
    if (from == to) return;
    replaces_ = replaces_ || change_class == ChangeClass::replace;
    changes_.push_back(
        {change_class, fmt::format("{}.{}", path_, name), std::move(from), std::move(to)});
  }

  bool replaces() const { return replaces_; }

 private:
  std::string path_;
  std::vector<Change>& changes_;
  bool replaces_ = false;
};

std::string seconds_text(Duration duration) {
  return fmt::format("{}", std::chrono::duration<double>(duration).count());
}

std::string resources_text(const model::Resources& resources) {
  return fmt::format("cpu {}, memory {} MiB{}", static_cast<double>(resources.cpu_millis) / 1000,
                     resources.memory_mib,
                     resources.gpus == 0 ? "" : fmt::format(", {} GPUs", resources.gpus));
}

std::string member_text(const json::object& wire, std::string_view name) {
  const json::value* value = wire.if_contains(name);
  return value == nullptr ? "" : to_json_text(*value);
}

void compare_envs(const ConfigEntry& from, const ConfigEntry& to, Comparison& comparison) {
  std::set<std::string> names;
  for (const auto& [name, value] : from.envs) names.insert(name);
  for (const auto& [name, value] : to.envs) names.insert(name);
  for (const std::string& name : names) {
    const auto text = [&](const ConfigEntry& entry) {
      const auto found = entry.envs.find(name);
      return found == entry.envs.end() ? std::string() : "\"" + found->second + "\"";
    };
    comparison.field(ChangeClass::replace, "envs." + name, text(from), text(to));
  }
}

void compare_templates(const ConfigEntry& from, const ConfigEntry& to, Comparison& comparison) {
  const auto replace = ChangeClass::replace;
  comparison.field(replace, "model_id", from.model.text(), to.model.text());
  comparison.field(replace, "specification", from.specification, to.specification);
  comparison.field(replace, "custom_spec", resources_text(from.resources),
                   resources_text(to.resources));
  compare_envs(from, to, comparison);
  comparison.field(replace, "pool_name", from.pool, to.pool);
  comparison.field(replace, "termination_grace_period_seconds", seconds_text(from.knobs.grace),
                   seconds_text(to.knobs.grace));
  for (const char* name : k_replacing_members) {
    comparison.field(replace, name, member_text(from.wire, name), member_text(to.wire, name));
  }
}

void compare_rest(const ConfigEntry& from, const ConfigEntry& to, Comparison& comparison) {
  comparison.field(ChangeClass::scale, "instance_count", std::to_string(from.instance_count),
                   std::to_string(to.instance_count));
  comparison.field(ChangeClass::route, "weight", std::to_string(from.weight),
                   std::to_string(to.weight));
  comparison.field(ChangeClass::note, "max_surge", fmt::format("{}", from.knobs.max_surge),
                   fmt::format("{}", to.knobs.max_surge));
  comparison.field(ChangeClass::note, "max_unavailable",
                   fmt::format("{}", from.knobs.max_unavailable),
                   fmt::format("{}", to.knobs.max_unavailable));
  comparison.field(ChangeClass::note, "deploy_timeout_in_seconds",
                   seconds_text(from.knobs.deploy_timeout), seconds_text(to.knobs.deploy_timeout));
}

std::string steps_text(const std::vector<model::BakeStep>& steps) {
  std::string text;
  for (const model::BakeStep& step : steps) {
    text += fmt::format("{}{} % for {} s", text.empty() ? "" : ", ", step.weight,
                        seconds_text(step.bake));
  }
  return text;
}

std::string number_text(double number) {
  return fmt::format("{}", number);
}

std::string millis_text(Duration duration) {
  return number_text(std::chrono::duration<double, std::milli>(duration).count());
}

void compare_judgements(const model::Judgement& from, const model::Judgement& to,
                        Comparison& comparison) {
  const auto note = [&](std::string_view name, std::string before, std::string after) {
    comparison.field(ChangeClass::note, fmt::format("judgement.{}", name), std::move(before),
                     std::move(after));
  };
  note("enabled", from.enabled ? "true" : "false", to.enabled ? "true" : "false");
  note("requests_min", std::to_string(from.requests_min), std::to_string(to.requests_min));
  note("error_ratio", number_text(from.error_ratio), number_text(to.error_ratio));
  note("latency_factor", number_text(from.latency_factor), number_text(to.latency_factor));
  note("latency_slack_ms", millis_text(from.latency_slack), millis_text(to.latency_slack));
  note("tail_slack_ms", millis_text(from.tail_slack), millis_text(to.tail_slack));
  note("false_alarm", number_text(from.false_alarm), number_text(to.false_alarm));
  note("miss", number_text(from.miss), number_text(to.miss));
  note("proving_seconds", seconds_text(from.proving), seconds_text(to.proving));
  note("silence", std::string(to_text(from.silence)), std::string(to_text(to.silence)));
}

void compare_policies(const model::RolloutPolicy& from, const model::RolloutPolicy& to,
                      Comparison& comparison) {
  const auto note = [&](std::string_view name, std::string before, std::string after) {
    comparison.field(ChangeClass::note, name, std::move(before), std::move(after));
  };
  const auto strategy = [](const model::RolloutPolicy& policy) {
    return policy.strategy ? std::string(to_text(*policy.strategy)) : std::string();
  };
  note("strategy", strategy(from), strategy(to));
  note("steps", steps_text(from.steps), steps_text(to.steps));
  note("bake_seconds", seconds_text(from.bake), seconds_text(to.bake));
  note("overlap", std::string(to_text(from.overlap)), std::string(to_text(to.overlap)));
  compare_judgements(from.judgement, to.judgement, comparison);
  note("drop_budget", std::to_string(from.drop_budget), std::to_string(to.drop_budget));
  note("slow_start_seconds", seconds_text(from.slow_start), seconds_text(to.slow_start));
}

void compare_traffic(const model::TrafficPolicy& from, const model::TrafficPolicy& to,
                     std::vector<Change>& changes) {
  Comparison comparison("traffic_policy", changes);
  const std::vector<model::TrafficField> before = fields_of(from);
  const std::vector<model::TrafficField> after = fields_of(to);
  for (std::size_t index = 0; index < before.size(); ++index) {
    comparison.field(ChangeClass::route, before[index].name, before[index].text, after[index].text);
  }
}

std::string entry_text(const ConfigEntry& entry) {
  return fmt::format("{} of {}", entry.instance_count, entry.model.text());
}

}  // namespace

std::vector<Change> compare_configs(const model::ServiceConfig& from,
                                    const model::ServiceConfig& to, const Pairing& pairing) {
  std::vector<Change> changes;
  for (const Pair& pair : pairing.pairs) {
    const std::string path = fmt::format("config[{}]", pair.to ? *pair.to : *pair.from);
    if (!pair.from || !pair.to) {
      changes.push_back({ChangeClass::scale, path,
                         pair.from ? entry_text(from.entries[*pair.from]) : "",
                         pair.to ? entry_text(to.entries[*pair.to]) : ""});
      continue;
    }
    const ConfigEntry& before = from.entries[*pair.from];
    const ConfigEntry& after = to.entries[*pair.to];
    Comparison comparison(path, changes);
    const bool same = pairing.from_keys[*pair.from] == pairing.to_keys[*pair.to];
    if (!same) compare_templates(before, after, comparison);
    if (!same && !comparison.replaces()) {
      changes.push_back(
          {ChangeClass::replace, path, pairing.from_keys[*pair.from], pairing.to_keys[*pair.to]});
    }
    compare_rest(before, after, comparison);
  }
  if (!from.entries.empty() && !to.entries.empty() && from.balance != to.balance) {
    changes.push_back({ChangeClass::route, "load_balancer_policy",
                       std::string(model::to_wire(from.balance)),
                       std::string(model::to_wire(to.balance))});
  }
  if (!from.entries.empty() && !to.entries.empty()) {
    compare_traffic(from.traffic, to.traffic, changes);
  }
  if (!from.entries.empty() && !to.entries.empty()) {
    Comparison comparison("rollout_policy", changes);
    compare_policies(from.policy, to.policy, comparison);
  }
  return changes;
}

}  // namespace hitless::rollout
