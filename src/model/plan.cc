#include "model/plan.h"

#include <algorithm>

#include "model/json_members.h"
#include "model/words.h"

namespace hitless::model {
namespace {

constexpr Words<ChangeClass, 5> k_change_classes{{
    {ChangeClass::note, "note"},
    {ChangeClass::route, "route"},
    {ChangeClass::scale, "scale"},
    {ChangeClass::replace, "replace"},
    {ChangeClass::refuse, "refuse"},
}};

constexpr Words<RolloutKind, 4> k_kinds{{
    {RolloutKind::deploy, "deploy"},
    {RolloutKind::update, "update"},
    {RolloutKind::stop, "stop"},
    {RolloutKind::remove, "remove"},
}};

json::value to_json(const Change& change) {
  return json::object{{"class", to_text(change.change_class)},
                      {"field", change.field},
                      {"from", change.from},
                      {"to", change.to}};
}

Result<Change> change_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Change change;
  HL_TRY_ASSIGN(const std::string word, get_string(*object, "class"));
  HL_TRY_ASSIGN(change.change_class, value_of(k_change_classes, word, "class of change"));
  HL_TRY_ASSIGN(change.field, get_string(*object, "field"));
  HL_TRY_ASSIGN(change.from, get_string(*object, "from"));
  HL_TRY_ASSIGN(change.to, get_string(*object, "to"));
  return change;
}

json::value to_json(const Resources& resources) {
  json::object object{{"cpu_millis", resources.cpu_millis},
                      {"memory_mib", resources.memory_mib},
                      {"gpus", resources.gpus}};
  if (resources.ports != 0) object["ports"] = resources.ports;
  return object;
}

// Absent in plans of database version 1.
Result<Resources> find_resources(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const json::object* object, find_object(from, name));
  Resources resources;
  if (object == nullptr) return resources;
  HL_TRY_ASSIGN(resources.cpu_millis, get_int(*object, "cpu_millis"));
  HL_TRY_ASSIGN(resources.memory_mib, get_int(*object, "memory_mib"));
  HL_TRY_ASSIGN(resources.gpus, get_int(*object, "gpus"));
  HL_TRY_ASSIGN(const auto ports, find_int(*object, "ports"));
  resources.ports = ports.value_or(0);
  return resources;
}

json::value to_json(const std::optional<Group>& group) {
  if (!group) return nullptr;
  return json::object{{"key", group->key},
                      {"revision", group->revision},
                      {"entry", group->entry},
                      {"count", group->count},
                      {"weight", group->weight},
                      {"grace_us", group->grace.count()},
                      {"deploy_timeout_us", group->deploy_timeout.count()},
                      {"needs", to_json(group->needs)}};
}

Result<std::optional<Group>> find_group(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const json::object* object, find_object(from, name));
  if (object == nullptr) return std::optional<Group>();
  Group group;
  HL_TRY_ASSIGN(group.key, get_string(*object, "key"));
  HL_TRY_ASSIGN(group.revision, get_int(*object, "revision"));
  HL_TRY_ASSIGN(group.entry, get_small_int(*object, "entry"));
  HL_TRY_ASSIGN(group.count, get_small_int(*object, "count"));
  HL_TRY_ASSIGN(group.weight, get_small_int(*object, "weight"));
  HL_TRY_ASSIGN(group.grace, get_micros(*object, "grace_us"));
  HL_TRY_ASSIGN(group.deploy_timeout, get_micros(*object, "deploy_timeout_us"));
  HL_TRY_ASSIGN(group.needs, find_resources(*object, "needs"));
  return std::optional<Group>(std::move(group));
}

json::value to_json(const Slot& slot) {
  return json::object{{"from", to_json(slot.from)},
                      {"to", to_json(slot.to)},
                      {"surge", slot.surge},
                      {"unavailable", slot.unavailable}};
}

Result<Slot> slot_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Slot slot;
  HL_TRY_ASSIGN(slot.from, find_group(*object, "from"));
  HL_TRY_ASSIGN(slot.to, find_group(*object, "to"));
  HL_TRY_ASSIGN(slot.surge, get_small_int(*object, "surge"));
  HL_TRY_ASSIGN(slot.unavailable, get_small_int(*object, "unavailable"));
  return slot;
}

json::value to_json(const SampleNeed& sample) {
  return json::object{{"step", sample.step},
                      {"alone", sample.is_alone},
                      {"old_rate", exact_text(sample.old_rate)},
                      {"new_rate", exact_text(sample.new_rate)},
                      {"requests", sample.requests},
                      {"requests_within", sample.requests_within}};
}

Result<SampleNeed> sample_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  SampleNeed sample;
  HL_TRY_ASSIGN(sample.step, get_small_int(*object, "step"));
  HL_TRY_ASSIGN(sample.is_alone, get_bool(*object, "alone"));
  HL_TRY_ASSIGN(sample.old_rate, get_exact(*object, "old_rate"));
  HL_TRY_ASSIGN(sample.new_rate, get_exact(*object, "new_rate"));
  HL_TRY_ASSIGN(sample.requests, get_int(*object, "requests"));
  HL_TRY_ASSIGN(sample.requests_within, get_int(*object, "requests_within"));
  return sample;
}

json::value to_json(const Forecast& forecast) {
  json::object object{{"lowest", forecast.lowest},
                      {"highest", forecast.highest},
                      {"longest_hold_us", forecast.longest_hold.count()},
                      {"hitless", forecast.hitless},
                      {"unmet", array_of(forecast.unmet)}};
  if (forecast.predicted) object["predicted_us"] = forecast.predicted->count();
  json::array leftovers;
  for (const auto& [revision, count] : forecast.leftovers) {
    leftovers.push_back({{"revision", revision}, {"count", count}});
  }
  object["leftovers"] = std::move(leftovers);
  object["restarts"] = forecast.restarts;
  if (forecast.proof > Duration{}) object["proof_us"] = forecast.proof.count();
  if (!forecast.samples.empty()) {
    json::array samples;
    for (const SampleNeed& sample : forecast.samples) samples.push_back(to_json(sample));
    object["samples"] = std::move(samples);
  }
  return object;
}

// Plans of before there were any have none.
Result<std::vector<Leftover>> find_leftovers(const json::object& from) {
  std::vector<Leftover> leftovers;
  if (!from.contains("leftovers")) return leftovers;
  HL_TRY_ASSIGN(const json::array* rows, get_array(from, "leftovers"));
  for (const json::value& row : *rows) {
    HL_TRY_ASSIGN(const json::object* object, as_object(row));
    Leftover& leftover = leftovers.emplace_back();
    HL_TRY_ASSIGN(leftover.revision, get_int(*object, "revision"));
    HL_TRY_ASSIGN(leftover.count, get_small_int(*object, "count"));
  }
  return leftovers;
}

Result<Forecast> forecast_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Forecast forecast;
  HL_TRY_ASSIGN(forecast.lowest, get_small_int(*object, "lowest"));
  HL_TRY_ASSIGN(forecast.highest, get_small_int(*object, "highest"));
  HL_TRY_ASSIGN(forecast.longest_hold, get_micros(*object, "longest_hold_us"));
  HL_TRY_ASSIGN(forecast.hitless, get_bool(*object, "hitless"));
  HL_TRY_ASSIGN(forecast.unmet, get_strings(*object, "unmet"));
  if (object->if_contains("predicted_us") != nullptr) {
    HL_TRY_ASSIGN(forecast.predicted, get_micros(*object, "predicted_us"));
  }
  HL_TRY_ASSIGN(forecast.leftovers, find_leftovers(*object));
  if (object->contains("restarts")) {
    HL_TRY_ASSIGN(forecast.restarts, get_small_int(*object, "restarts"));
  }
  if (object->if_contains("proof_us") != nullptr) {
    HL_TRY_ASSIGN(forecast.proof, get_micros(*object, "proof_us"));
  }
  if (object->if_contains("samples") != nullptr) {
    HL_TRY_ASSIGN(forecast.samples, get_each<SampleNeed>(*object, "samples", sample_from_json));
  }
  return forecast;
}

// What plans have had since database version 2.
Result<void> read_course(const json::object& from, Plan& plan) {
  if (from.if_contains("steps") == nullptr) return {};
  HL_TRY_ASSIGN(plan.steps, get_each<BakeStep>(from, "steps", bake_step_from_json));
  HL_TRY_ASSIGN(plan.hold, get_micros(from, "hold_us"));
  HL_TRY_ASSIGN(const json::object* judgement, get_object(from, "judgement"));
  HL_TRY_ASSIGN(plan.judgement, judgement_from_json(json::value(*judgement)));
  HL_TRY_ASSIGN(plan.drop_budget, get_count(from, "drop_budget"));
  HL_TRY_ASSIGN(plan.slow_start, get_micros(from, "slow_start_us"));
  HL_TRY_ASSIGN(const json::object* forecast, get_object(from, "forecast"));
  HL_TRY_ASSIGN(plan.forecast, forecast_from_json(json::value(*forecast)));
  return {};
}

Result<Balance> get_balance(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::string word, get_string(from, name));
  return balance_from_wire(word);
}

}  // namespace

bool Plan::replaces() const {
  return std::any_of(slots.begin(), slots.end(),
                     [](const Slot& slot) { return slot.is_replaced(); });
}

std::string_view to_text(ChangeClass change_class) {
  return text_of(k_change_classes, change_class);
}

std::string_view to_text(RolloutKind kind) {
  return text_of(k_kinds, kind);
}

json::value to_json(const Plan& plan) {
  json::array changes;
  for (const Change& change : plan.changes) changes.push_back(to_json(change));
  json::array slots;
  for (const Slot& slot : plan.slots) slots.push_back(to_json(slot));
  json::array steps;
  for (const BakeStep& step : plan.steps) steps.push_back(to_json(step));
  json::object object{
      {"service", plan.service.text()},
      {"kind", to_text(plan.kind)},
      {"from", plan.from},
      {"to", plan.to},
      {"changes", std::move(changes)},
      {"slots", std::move(slots)},
      {"balance", to_wire(plan.balance)},
      {"balance_from", to_wire(plan.balance_from)},
      {"drain_budget_us", plan.drain_budget.count()},
      {"strategy", to_text(plan.strategy)},
      {"reason", plan.reason},
      {"steps", std::move(steps)},
      {"hold_us", plan.hold.count()},
      {"judgement", to_json(plan.judgement)},
      {"drop_budget", static_cast<std::int64_t>(plan.drop_budget)},
      {"slow_start_us", plan.slow_start.count()},
      {"forecast", to_json(plan.forecast)},
      {"hash", plan.hash},
  };
  const TrafficPolicy none;
  if (plan.traffic != none) object["traffic"] = to_json(plan.traffic);
  if (plan.traffic_from != none) object["traffic_from"] = to_json(plan.traffic_from);
  return object;
}

Result<Plan> plan_from_json(const json::value& value) {
  HL_TRY_ASSIGN(const json::object* object, as_object(value));
  Plan plan;
  HL_TRY_ASSIGN(std::string service, get_string(*object, "service"));
  plan.service = ServiceId(std::move(service));
  HL_TRY_ASSIGN(const std::string kind, get_string(*object, "kind"));
  HL_TRY_ASSIGN(plan.kind, value_of(k_kinds, kind, "kind of rollout"));
  HL_TRY_ASSIGN(plan.from, get_int(*object, "from"));
  HL_TRY_ASSIGN(plan.to, get_int(*object, "to"));
  HL_TRY_ASSIGN(plan.changes, get_each<Change>(*object, "changes", change_from_json));
  HL_TRY_ASSIGN(plan.slots, get_each<Slot>(*object, "slots", slot_from_json));
  HL_TRY_ASSIGN(plan.balance, get_balance(*object, "balance"));
  HL_TRY_ASSIGN(plan.balance_from, get_balance(*object, "balance_from"));
  HL_TRY_ASSIGN(plan.traffic, find_traffic(*object, "traffic"));
  HL_TRY_ASSIGN(plan.traffic_from, find_traffic(*object, "traffic_from"));
  HL_TRY_ASSIGN(plan.drain_budget, get_micros(*object, "drain_budget_us"));
  HL_TRY_ASSIGN(const std::string strategy, get_string(*object, "strategy"));
  HL_TRY_ASSIGN(plan.strategy, strategy_from_text(strategy));
  HL_TRY(read_course(*object, plan));
  HL_TRY_ASSIGN(plan.reason, get_string(*object, "reason"));
  HL_TRY_ASSIGN(plan.hash, get_string(*object, "hash"));
  return plan;
}

}  // namespace hitless::model
