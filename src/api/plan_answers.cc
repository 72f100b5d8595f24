#include "api/plan_answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/service_config.h"

namespace hitless::api {
namespace {

constexpr std::string_view k_plan_header = "X-Hitless-Plan";

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

json::object change_to_json(const model::Change& change) {
  json::object out{{"class", model::to_text(change.change_class)}, {"field", change.field}};
  if (!change.from.empty()) out["from"] = change.from;
  if (!change.to.empty()) out["to"] = change.to;
  return out;
}

json::object group_to_json(const model::Group& group) {
  return {{"revision", group.revision},
          {"entry", group.entry},
          {"count", group.count},
          {"weight", group.weight},
          {"grace_seconds", seconds(group.grace)},
          {"deploy_timeout_seconds", seconds(group.deploy_timeout)}};
}

json::object slot_to_json(const model::Slot& slot) {
  json::object out{{"surge", slot.surge}, {"unavailable", slot.unavailable}};
  if (slot.from) out["from"] = group_to_json(*slot.from);
  if (slot.to) out["to"] = group_to_json(*slot.to);
  return out;
}

// What becomes of the instances of one entry.
struct Touched {
  const char* action = "keep";
  int started = 0;
  int stopped = 0;
  int kept = 0;
};

Touched touched_in(const model::Slot& slot) {
  const int from = slot.from ? slot.from->count : 0;
  const int to = slot.to ? slot.to->count : 0;
  if (!slot.from) return {"add", to, 0, 0};
  if (!slot.to) return {"remove", 0, from, 0};
  if (slot.is_replaced()) return {"replace", to, from, 0};
  return {from == to ? "keep" : "scale", std::max(0, to - from), std::max(0, from - to),
          std::min(from, to)};
}

json::object entry_to_json(const model::Slot& slot) {
  const Touched touched = touched_in(slot);
  json::object out{{"action", touched.action},
                   {"instances_started", touched.started},
                   {"instances_stopped", touched.stopped},
                   {"instances_kept", touched.kept}};
  if (slot.to) out["entry"] = slot.to->entry;
  if (slot.from) out["entry_before"] = slot.from->entry;
  return out;
}

json::object sample_to_json(const model::SampleNeed& sample) {
  return {{"step", sample.step},
          {"alone", sample.is_alone},
          {"old_error_rate", sample.old_rate},
          {"new_error_rate", sample.new_rate},
          {"requests", sample.requests},
          {"requests_within", sample.requests_within}};
}

void add_forecast(const model::Plan& plan, json::object& out) {
  const model::Forecast& forecast = plan.forecast;
  out["lowest"] = forecast.lowest;
  out["highest"] = forecast.highest;
  out["hold_seconds"] = seconds(plan.hold);
  out["longest_hold_seconds"] = seconds(forecast.longest_hold);
  if (forecast.predicted) {
    out["predicted_seconds"] = seconds(*forecast.predicted);
    out["predicted_most_seconds"] = seconds(*forecast.predicted + forecast.proof);
  }
  json::array samples;
  for (const model::SampleNeed& sample : forecast.samples)
    samples.push_back(sample_to_json(sample));
  out["samples"] = std::move(samples);
  out["hitless"] = forecast.hitless;
  json::array unmet;
  for (const std::string& sentence : forecast.unmet) unmet.emplace_back(sentence);
  out["unmet"] = std::move(unmet);
  json::array leftovers;
  for (const auto& [revision, count] : forecast.leftovers) {
    leftovers.push_back({{"revision", revision}, {"count", count}});
  }
  out["leftovers"] = std::move(leftovers);
  out["instances_restarted"] = forecast.restarts;
}

std::string name_of(store::Store& store, const std::string& id) {
  const Result<model::ModelVersion> version = store.find_model(model::ModelId(id));
  return version ? fmt::format("{} {}", version->name, version->version) : std::string();
}

void name_models(store::Store& store, json::array& changes) {
  for (json::value& value : changes) {
    json::object& change = value.get_object();
    const json::string& field = change.at("field").get_string();
    if (!std::string_view(field).ends_with(".model_id")) continue;
    for (std::string_view side : {"from", "to"}) {
      const json::value* id = change.if_contains(side);
      if (id == nullptr) continue;
      const std::string name = name_of(store, std::string(id->get_string()));
      if (!name.empty()) change[std::string(side) + "_name"] = name;
    }
  }
}

void name_entries(store::Store& store, const std::vector<model::ConfigEntry>& entries,
                  std::string_view index_member, std::string_view name_member, json::array& rows) {
  for (json::value& value : rows) {
    json::object& row = value.get_object();
    const json::value* index = row.if_contains(index_member);
    const auto at = index == nullptr ? entries.size() : index->to_number<std::size_t>();
    if (at >= entries.size()) continue;
    const std::string name = name_of(store, entries[at].model.text());
    row[name_member] = name.empty() ? entries[at].model.text() : name;
  }
}

// None: there is no such revision, or it was deleted.
std::vector<model::ConfigEntry> entries_of(store::Store& store, const model::ServiceId& service,
                                           model::RevisionNumber number) {
  const Result<model::Revision> found = store.find_revision(service, number);
  return found ? found->config.entries : std::vector<model::ConfigEntry>();
}

json::object named_plan(store::Store& store, const model::Plan& plan,
                        const std::vector<model::ConfigEntry>& entries) {
  json::object out = plan_to_json(plan);
  name_models(store, out["changes"].get_array());
  json::array& rows = out["entries"].get_array();
  name_entries(store, entries_of(store, plan.service, plan.from), "entry_before", "model_before",
               rows);
  name_entries(store, entries, "entry", "model", rows);
  return out;
}

}  // namespace

InstancesTouched instances_touched(const model::Plan& plan) {
  InstancesTouched sum;
  for (const model::Slot& slot : plan.slots) {
    const Touched touched = touched_in(slot);
    sum.started += touched.started;
    sum.stopped += touched.stopped;
    sum.kept += touched.kept;
  }
  sum.started += plan.forecast.restarts;
  sum.kept -= plan.forecast.restarts;
  for (const auto& [revision, count] : plan.forecast.leftovers) sum.stopped += count;
  return sum;
}

json::object plan_to_json(const model::Plan& plan) {
  json::array changes;
  for (const model::Change& change : plan.changes) changes.push_back(change_to_json(change));
  json::array slots;
  json::array entries;
  for (const model::Slot& slot : plan.slots) {
    slots.push_back(slot_to_json(slot));
    entries.push_back(entry_to_json(slot));
  }
  const InstancesTouched sum = instances_touched(plan);
  json::array bakes;
  for (const model::BakeStep& step : plan.steps) bakes.push_back(model::to_json(step));
  json::array steps;
  for (const std::string& sentence : sentences_of(plan)) steps.emplace_back(sentence);
  json::object out{{"kind", model::to_text(plan.kind)},
                   {"from_revision", plan.from},
                   {"to_revision", plan.to},
                   {"strategy", to_text(plan.strategy)},
                   {"reason", plan.reason},
                   {"changes", std::move(changes)},
                   {"entries", std::move(entries)},
                   {"steps", std::move(steps)},
                   {"bake_steps", std::move(bakes)},
                   {"instances_started", sum.started},
                   {"instances_stopped", sum.stopped},
                   {"instances_kept", sum.kept},
                   {"slots", std::move(slots)},
                   {"drain_budget_seconds", seconds(plan.drain_budget)},
                   {"plan_hash", plan.hash}};
  add_forecast(plan, out);
  return out;
}

json::object shown_plan(const Call& call, const model::Plan& plan,
                        const control::ServiceUpdate& update) {
  const Result<model::Service> service = call.store.find_service(plan.service);
  const auto present = entries_of(call.store, plan.service, service ? service->revision : 0);
  return named_plan(call.store, plan, update.entries.value_or(present));
}

json::object accepted_plan(store::Store& store, const model::Plan& plan) {
  return named_plan(store, plan, entries_of(store, plan.service, plan.to));
}

Checked<std::optional<std::string>> wanted_plan(const Call& call, const json::object& body) {
  HL_TRY_ASSIGN(std::optional<std::string> hash, find_string(body, "plan_hash"));
  const std::string_view header = call.request.headers.get(k_plan_header);
  if (header.empty()) return hash;
  if (hash && *hash != header) {
    return Failure(
        Cause::invalid_argument,
        fmt::format("field [plan_hash] names another plan than the header {}", k_plan_header));
  }
  return std::optional(std::string(header));
}

namespace {

template <class Policy>
Checked<std::optional<Policy>> read_object(const json::object& body, std::string_view name,
                                           Result<Policy> (*read)(const json::value&)) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return std::optional<Policy>();
  if (!value->is_object()) {
    return Failure(Cause::invalid_argument, fmt::format("field [{}] must be an object", name));
  }
  Result<Policy> policy = read(*value);
  if (!policy) return in_field(std::string(name), policy.error());
  return std::optional(*std::move(policy));
}

}  // namespace

Checked<std::optional<model::RolloutPolicy>> read_policy(const json::object& body) {
  return read_object(body, "rollout_policy", model::rollout_policy_from_json);
}

Checked<std::optional<model::TrafficPolicy>> read_traffic(const json::object& body) {
  return read_object(body, "traffic_policy", model::traffic_policy_from_json);
}

}  // namespace hitless::api
