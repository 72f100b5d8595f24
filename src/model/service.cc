#include "model/service.h"

#include <algorithm>

#include "base/crypto.h"
#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<ServiceStatus, 10> k_statuses{{
    {ServiceStatus::deploying, "deploying"},
    {ServiceStatus::waiting, "waiting"},
    {ServiceStatus::pending, "pending"},
    {ServiceStatus::running, "running"},
    {ServiceStatus::concerning, "concerning"},
    {ServiceStatus::failed, "failed"},
    {ServiceStatus::stopping, "stopping"},
    {ServiceStatus::stopped, "stopped"},
    {ServiceStatus::finished, "finished"},
    {ServiceStatus::deleting, "deleting"},
}};

constexpr Words<Balance, 3> k_balances{{
    {Balance::round_robin, "ROUND_ROBIN"},
    {Balance::least_connections, "LEAST_CONNECTIONS"},
    {Balance::source_ip, "SOURCE_IP"},
}};

// Members of an entry as sent that are of class "replace" and have no place of their own in
// ConfigEntry (contract: what an update does).
constexpr std::array k_replace_in_entry{"affinity"};
constexpr std::array k_replace_in_properties{"log_volume", "persistent_volumes"};
// Already in Resources, where "1" and "1.0" are the same.
constexpr std::array<std::string_view, 2> k_spec_in_resources{"cpu", "memory"};

// Members sorted by name at every level, so that their order in the request does not matter.
json::value sorted(const json::value& value) {
  if (const json::array* items = value.if_array()) {
    json::array copy;
    for (const json::value& item : *items) copy.push_back(sorted(item));
    return copy;
  }
  if (!value.is_object()) return value;
  std::vector<std::string_view> names;
  for (const auto& member : value.get_object()) names.push_back(member.key());
  std::sort(names.begin(), names.end());
  json::object copy;
  for (const std::string_view name : names) copy[name] = sorted(value.get_object().at(name));
  return copy;
}

template <class Names>
void copy_members(json::object& to, const json::object& from, const Names& names) {
  for (const auto& name : names) {
    const json::value* member = from.if_contains(name);
    if (member != nullptr && !member->is_null()) to[name] = *member;
  }
}

const json::object& member_object(const json::object& from, std::string_view name) {
  static const json::object none;
  const json::value* member = from.if_contains(name);
  return member != nullptr && member->is_object() ? member->get_object() : none;
}

// What of the entry as sent makes instances differ.
json::object replace_members(const json::object& wire) {
  json::object members;
  copy_members(members, wire, k_replace_in_entry);
  copy_members(members, member_object(wire, "additional_properties"), k_replace_in_properties);
  for (const auto& [name, value] : member_object(wire, "custom_spec")) {
    const auto& known = k_spec_in_resources;
    const bool elsewhere = std::find(known.begin(), known.end(), name) != known.end();
    if (!elsewhere && !value.is_null()) members[std::string("custom_spec.").append(name)] = value;
  }
  return members;
}

json::object to_object(const std::map<std::string, std::string>& envs) {
  json::object object;
  for (const auto& [name, text] : envs) object[name] = text;
  return object;
}

Result<std::map<std::string, std::string>> get_envs(const json::object& from) {
  HL_TRY_ASSIGN(const json::object* object, get_object(from, "envs"));
  std::map<std::string, std::string> envs;
  for (const auto& member : *object) {
    HL_TRY_ASSIGN(envs[std::string(member.key())], get_string(*object, member.key()));
  }
  return envs;
}

json::value to_json(const ConfigEntry& entry) {
  return json::object{
      {"model", entry.model.text()},
      {"weight", entry.weight},
      {"specification", entry.specification},
      {"cpu_millis", entry.resources.cpu_millis},
      {"memory_mib", entry.resources.memory_mib},
      {"gpus", entry.resources.gpus},
      {"instance_count", entry.instance_count},
      {"envs", to_object(entry.envs)},
      {"pool", entry.pool},
      {"max_surge", exact_text(entry.knobs.max_surge)},
      {"max_unavailable", exact_text(entry.knobs.max_unavailable)},
      {"grace_us", entry.knobs.grace.count()},
      {"deploy_timeout_us", entry.knobs.deploy_timeout.count()},
      {"wire", entry.wire},
  };
}

Result<Knobs> knobs_from_json(const json::object& object) {
  Knobs knobs;
  HL_TRY_ASSIGN(knobs.max_surge, get_exact(object, "max_surge"));
  HL_TRY_ASSIGN(knobs.max_unavailable, get_exact(object, "max_unavailable"));
  HL_TRY_ASSIGN(knobs.grace, get_micros(object, "grace_us"));
  HL_TRY_ASSIGN(knobs.deploy_timeout, get_micros(object, "deploy_timeout_us"));
  return knobs;
}

Result<ConfigEntry> entry_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  ConfigEntry entry;
  HL_TRY_ASSIGN(std::string model, get_string(*object, "model"));
  entry.model = ModelId(std::move(model));
  HL_TRY_ASSIGN(entry.weight, get_small_int(*object, "weight"));
  HL_TRY_ASSIGN(entry.specification, get_string(*object, "specification"));
  HL_TRY_ASSIGN(entry.resources.cpu_millis, get_int(*object, "cpu_millis"));
  HL_TRY_ASSIGN(entry.resources.memory_mib, get_int(*object, "memory_mib"));
  HL_TRY_ASSIGN(const std::optional<std::int64_t> gpus, find_int(*object, "gpus"));
  entry.resources.gpus = gpus.value_or(0);  // absent in revisions of older versions
  HL_TRY_ASSIGN(entry.instance_count, get_small_int(*object, "instance_count"));
  HL_TRY_ASSIGN(entry.envs, get_envs(*object));
  HL_TRY_ASSIGN(entry.pool, get_string(*object, "pool"));
  HL_TRY_ASSIGN(entry.knobs, knobs_from_json(*object));
  HL_TRY_ASSIGN(const json::object* wire, get_object(*object, "wire"));
  entry.wire = *wire;
  return entry;
}

}  // namespace

std::string_view to_text(ServiceStatus status) {
  return text_of(k_statuses, status);
}

Result<ServiceStatus> service_status_from_text(std::string_view text) {
  return value_of(k_statuses, text, "status of a service");
}

std::string_view to_wire(Balance balance) {
  return text_of(k_balances, balance);
}

Result<Balance> balance_from_wire(std::string_view text) {
  return value_of(k_balances, text, "load-balancer policy");
}

json::value to_json(const ServiceConfig& config) {
  json::array entries;
  for (const ConfigEntry& entry : config.entries) entries.push_back(to_json(entry));
  json::object object{{"entries", std::move(entries)},
                      {"balance", to_wire(config.balance)},
                      {"policy", to_json(config.policy)}};
  if (config.traffic != TrafficPolicy()) object["traffic"] = to_json(config.traffic);
  return object;
}

Result<ServiceConfig> service_config_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  ServiceConfig config;
  HL_TRY_ASSIGN(config.entries, get_each<ConfigEntry>(*object, "entries", entry_from_json));
  HL_TRY_ASSIGN(const std::string balance, get_string(*object, "balance"));
  HL_TRY_ASSIGN(config.balance, balance_from_wire(balance));
  if (const json::value* policy = object->if_contains("policy")) {  // since database version 2
    HL_TRY_ASSIGN(config.policy, rollout_policy_from_json(*policy));
  }
  HL_TRY_ASSIGN(config.traffic, find_traffic(*object, "traffic"));
  return config;
}

std::string template_digest(const ConfigEntry& entry) {
  const json::object parts{
      {"model", entry.model.text()},
      {"specification", entry.specification},
      {"cpu_millis", entry.resources.cpu_millis},
      {"memory_mib", entry.resources.memory_mib},
      {"gpus", entry.resources.gpus},
      {"envs", to_object(entry.envs)},
      {"pool", entry.pool},
      {"grace_us", entry.knobs.grace.count()},
      {"sent", sorted(replace_members(entry.wire))},
  };
  return sha256_hex(to_json_text(parts));
}

}  // namespace hitless::model
