#include "cli/service_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/render_report.h"

namespace hitless::cli {
namespace {

// The smallest specification that every hitless has.
constexpr std::string_view k_specification_default = "hitless.cpu.small";

json::object& object_at(json::object& from, std::string_view name) {
  json::value& value = from[name];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

Result<void> apply_envs(json::object& entry, const std::vector<std::string>& envs) {
  for (const std::string& each : envs) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(Code::invalid, fmt::format("--env {} is not of the form NAME=VALUE", each));
    }
    object_at(entry, "envs")[each.substr(0, equals)] = each.substr(equals + 1);
  }
  return {};
}

// Everything but model and weight.
Result<void> apply_flags(json::object& entry, const ServiceFlags& flags) {
  if (flags.count) entry["instance_count"] = *flags.count;
  if (!flags.specification.empty()) entry["specification"] = flags.specification;
  if (flags.deploy_timeout_seconds) {
    // It may stand in either place; what is set here shall be the only one.
    entry["deploy_timeout_in_seconds"] = *flags.deploy_timeout_seconds;
    if (json::value* properties = entry.if_contains("additional_properties")) {
      if (json::object* object = properties->if_object())
        object->erase("deploy_timeout_in_seconds");
    }
  }
  const auto set = [&](std::string_view name, const json::value& value) {
    object_at(entry, "additional_properties")[name] = value;
  };
  if (flags.max_surge) set("max_surge", *flags.max_surge);
  if (flags.max_unavailable) set("max_unavailable", *flags.max_unavailable);
  if (flags.grace_seconds) set("termination_grace_period_seconds", *flags.grace_seconds);
  return apply_envs(entry, flags.envs);
}

bool changes_entries(const ServiceFlags& flags) {
  return !flags.model_id.empty() || flags.weight || flags.count || !flags.specification.empty() ||
         !flags.envs.empty() || flags.max_surge || flags.max_unavailable ||
         flags.deploy_timeout_seconds || flags.grace_seconds;
}

void apply_service_flags(json::object& body, const ServiceFlags& flags) {
  if (flags.description) body["description"] = *flags.description;
  if (!flags.balance.empty()) body["load_balancer_policy"] = flags.balance;
}

std::vector<json::object> entries_of(const json::object& service) {
  std::vector<json::object> entries;
  for (const json::value& value : array_or_empty(service, "config")) {
    if (value.is_object()) entries.push_back(value.get_object());
  }
  return entries;
}

// Gives `total` to the entries but `kept` in the proportions they had; they make it up exactly.
void share_out(std::vector<json::object>& entries, std::size_t kept, std::int64_t total) {
  std::int64_t had = 0;
  std::int64_t others = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == kept) continue;
    had += int_or_zero(entries[i], "weight");
    ++others;
  }
  std::int64_t left = total;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == kept) continue;
    --others;
    const std::int64_t share =
        had == 0 ? total / (others + 1) : int_or_zero(entries[i], "weight") * total / had;
    entries[i]["weight"] = others == 0 ? left : share;
    left -= share;
  }
}

// Puts the model into the entries; the result is the place of its entry.
std::size_t place_model(std::vector<json::object>& entries, const ServiceFlags& flags) {
  auto found = std::find_if(entries.begin(), entries.end(), [&](const json::object& entry) {
    return text_or_empty(entry, "model_id") == flags.model_id;
  });
  if (!flags.weight) {
    json::object alone = found == entries.end() ? entries.front() : *found;
    alone["model_id"] = flags.model_id;
    alone["weight"] = 100;
    entries.assign(1, std::move(alone));
    return 0;
  }
  if (found == entries.end()) {
    json::object added = entries.front();
    added["model_id"] = flags.model_id;
    entries.push_back(std::move(added));
    found = entries.end() - 1;
  }
  const auto place = static_cast<std::size_t>(found - entries.begin());
  (*found)["weight"] = *flags.weight;
  share_out(entries, place, 100 - *flags.weight);
  return place;
}

json::array to_array(std::vector<json::object> entries) {
  json::array out;
  for (json::object& entry : entries) out.push_back(std::move(entry));
  return out;
}

}  // namespace

Result<json::object> create_body(const std::string& name, json::object base,
                                 const ServiceFlags& flags) {
  json::object body = std::move(base);
  body["service_name"] = name;
  if (!body.contains("infer_type")) body["infer_type"] = "real-time";
  apply_service_flags(body, flags);
  std::vector<json::object> entries = entries_of(body);
  if (entries.empty()) {
    if (flags.model_id.empty()) {
      return Error(Code::invalid, "which model? Name it with --model, or the body with --file");
    }
    entries.push_back(json::object{
        {"weight", 100}, {"specification", k_specification_default}, {"instance_count", 1}});
  }
  if (!flags.model_id.empty()) entries.front()["model_id"] = flags.model_id;
  for (json::object& entry : entries) HL_TRY(apply_flags(entry, flags));
  body["config"] = to_array(std::move(entries));
  return body;
}

Result<json::object> update_body(const json::object& service, json::object base,
                                 const ServiceFlags& flags) {
  json::object body = std::move(base);
  apply_service_flags(body, flags);
  if (!changes_entries(flags)) return body;
  std::vector<json::object> entries = entries_of(body.contains("config") ? body : service);
  if (entries.empty()) return Error(Code::invalid, "the service has no configuration to change");
  if (flags.weight && flags.model_id.empty()) {
    return Error(Code::invalid, "whose weight? Name the version with --model");
  }
  if (flags.model_id.empty()) {
    for (json::object& entry : entries) HL_TRY(apply_flags(entry, flags));
  } else {
    const std::size_t place = place_model(entries, flags);
    HL_TRY(apply_flags(entries[place], flags));
  }
  body["config"] = to_array(std::move(entries));
  return body;
}

}  // namespace hitless::cli
