#include "model/plan.h"

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

json::value to_json(const std::optional<Group>& group) {
  if (!group) return nullptr;
  return json::object{{"key", group->key},
                      {"revision", group->revision},
                      {"entry", group->entry},
                      {"count", group->count},
                      {"weight", group->weight},
                      {"grace_us", group->grace.count()},
                      {"deploy_timeout_us", group->deploy_timeout.count()}};
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

Result<Balance> get_balance(const json::object& from, std::string_view name) {
  HL_TRY_ASSIGN(const std::string word, get_string(from, name));
  return balance_from_wire(word);
}

}  // namespace

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
  return json::object{
      {"service", plan.service.text()},
      {"kind", to_text(plan.kind)},
      {"from", plan.from},
      {"to", plan.to},
      {"changes", std::move(changes)},
      {"slots", std::move(slots)},
      {"balance", to_wire(plan.balance)},
      {"balance_from", to_wire(plan.balance_from)},
      {"drain_budget_us", plan.drain_budget.count()},
      {"strategy", plan.strategy},
      {"reason", plan.reason},
      {"hash", plan.hash},
  };
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
  HL_TRY_ASSIGN(plan.drain_budget, get_micros(*object, "drain_budget_us"));
  HL_TRY_ASSIGN(plan.strategy, get_string(*object, "strategy"));
  HL_TRY_ASSIGN(plan.reason, get_string(*object, "reason"));
  HL_TRY_ASSIGN(plan.hash, get_string(*object, "hash"));
  return plan;
}

}  // namespace hitless::model
