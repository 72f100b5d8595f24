// Services: create, list, show, change, delete, and what a change would do.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/answers.h"
#include "api/find.h"
#include "api/fixed_fields.h"
#include "api/handlers.h"
#include "api/limits.h"
#include "api/plan_answers.h"
#include "api/service_config.h"
#include "api/text_rules.h"

namespace hitless::api {
namespace {

constexpr std::string_view k_forbidden_on_create = "!<>+&\"'";  // contract: limits
constexpr std::string_view k_forbidden_on_update = "<>=&\"'";

// Members that are kept and echoed as they are; hitless does nothing else with them yet.
constexpr std::string_view k_kept_on_create[] = {"workspace_id",
                                                 "schedule",
                                                 "cluster_id",
                                                 "pool_name",
                                                 "vpc_id",
                                                 "subnet_network_id",
                                                 "security_group_id",
                                                 "additional_properties",
                                                 "service_secrets",
                                                 "priority",
                                                 "is_opened_sample_collection"};
constexpr std::string_view k_kept_on_update[] = {"schedule", "additional_properties",
                                                 "service_secrets", "priority"};

// Members of an update beside those that are kept.
constexpr std::string_view k_read_on_update[] = {
    "service_name",         "infer_type", "vpc_id",         "description",   "config",
    "load_balancer_policy", "plan_hash",  "rollout_policy", "traffic_policy"};
constexpr std::string_view k_read_with_status[] = {"status", "plan_hash"};

constexpr std::string_view k_property_members[] = {"smn_notification", "log_report_channels",
                                                   "websocket_upgrade"};
// These belong to an entry.
constexpr std::string_view k_knob_members[] = {"max_surge",
                                               "max_unavailable",
                                               "termination_grace_period_seconds",
                                               "deploy_timeout_in_seconds",
                                               "log_volume",
                                               "persistent_volumes"};

bool contains(Words words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

json::object kept(const json::object& body, Words names) {
  json::object out;
  for (std::string_view name : names) {
    const json::value* value = body.if_contains(name);
    if (value != nullptr && !value->is_null()) out[name] = *value;
  }
  return out;
}

// Their shape, as far as the contract fixes it: what is echoed must be fit to be answered.
Checked<void> check_kept(const json::object& body) {
  HL_TRY_ASSIGN(const json::object* properties, find_object(body, "additional_properties"));
  if (properties != nullptr) {
    HL_TRY(check_members(*properties, "additional_properties", k_property_members, k_knob_members,
                         "config[].additional_properties"));
  }
  for (std::string_view list : {"schedule", "service_secrets"}) {
    if (const auto found = find_array(body, list); !found) return found.error();
  }
  HL_TRY_ASSIGN(const std::optional<std::int64_t> priority, find_int(body, "priority"));
  if (priority && (*priority < 1 || *priority > k_priority_max)) {
    return Failure(Cause::invalid_argument,
                   fmt::format("field [priority] must be from 1 to {}", k_priority_max));
  }
  return {};
}

Checked<std::optional<model::Balance>> read_balance(const json::object& body) {
  HL_TRY_ASSIGN(const std::optional<std::string> text, find_string(body, "load_balancer_policy"));
  if (!text) return std::optional<model::Balance>();
  const Result<model::Balance> balance = model::balance_from_wire(*text);
  if (balance) return std::optional(*balance);
  return Failure(Cause::invalid_argument,
                 "field [load_balancer_policy] must be one of ROUND_ROBIN, LEAST_CONNECTIONS, "
                 "SOURCE_IP");
}

Checked<std::string> service_pool(const json::object& body) {
  std::string pool;
  for (std::string_view member : {"cluster_id", "pool_name"}) {  // the later one wins
    HL_TRY_ASSIGN(const std::optional<std::string> name, find_string(body, member));
    if (name && !name->empty()) pool = *name;
  }
  return pool;
}

Checked<void> check_infer_type(const json::object& body) {
  HL_TRY_ASSIGN(const std::string type, get_string(body, "infer_type"));
  if (type == "real-time") return {};
  if (type == "batch" || type == "edge") {
    return Failure(Cause::kind_not_enabled,
                   fmt::format("Services of the kind {} are not enabled: this hitless runs "
                               "real-time services.",
                               type));
  }
  return Failure(Cause::invalid_argument, "field [infer_type] must be one of real-time, batch");
}

Checked<void> check_name_free(store::Store& store, const std::string& name) {
  const Result<model::Service> taken = store.find_service_by_name(name);
  if (taken) {
    return Failure(Cause::service_exists, fmt::format("Service name {} already exists.", name));
  }
  if (taken.error().code() == Code::not_found) return {};
  return taken.error();
}

Checked<control::NewService> read_service(const Call& call, const json::object& body) {
  control::NewService service;
  HL_TRY_ASSIGN(service.name, get_name(body, "service_name"));
  HL_TRY_ASSIGN(service.description, read_description(body, k_forbidden_on_create));
  HL_TRY(check_infer_type(body));
  HL_TRY(check_kept(body));
  HL_TRY_ASSIGN(const std::string pool, service_pool(body));
  HL_TRY_ASSIGN(const json::array* list, get_array(body, "config"));
  HL_TRY_ASSIGN(const auto balance, read_balance(body));
  service.config.balance = balance.value_or(service.config.balance);
  HL_TRY_ASSIGN(const auto policy, read_policy(body));
  service.config.policy = policy.value_or(service.config.policy);
  HL_TRY_ASSIGN(const auto traffic, read_traffic(body));
  service.config.traffic = traffic.value_or(service.config.traffic);
  HL_TRY_ASSIGN(service.config.entries, read_entries(call, *list, pool));
  service.wire = kept(body, k_kept_on_create);
  return service;
}

Checked<control::ServiceUpdate> read_update(const Call& call, const model::Service& service,
                                            const json::object& body) {
  HL_TRY(check_fixed(service, body));
  control::ServiceUpdate update;
  if (body.contains("description")) {
    HL_TRY_ASSIGN(update.description, read_description(body, k_forbidden_on_update));
  }
  HL_TRY(check_kept(body));
  HL_TRY_ASSIGN(update.balance, read_balance(body));
  HL_TRY_ASSIGN(update.policy, read_policy(body));
  HL_TRY_ASSIGN(update.traffic, read_traffic(body));
  HL_TRY_ASSIGN(const json::array* list, find_array(body, "config"));
  if (list != nullptr) {
    HL_TRY_ASSIGN(const std::string pool, service_pool(service.wire));
    HL_TRY_ASSIGN(update.entries, read_entries(call, *list, pool));
  }
  update.wire = kept(body, k_kept_on_update);
  return update;
}

// What the change would meet, for whoever reads the plan.
std::string notice_of(const model::Service& service, const control::UnderWay& met) {
  const std::string begin =
      fmt::format("rollout {} is under way ({}): ", met.rollout.text(), to_text(met.phase));
  switch (met.overlap) {
    case model::Overlap::supersede: return begin + "this change takes its place";
    case model::Overlap::queue:
      return begin + "this change waits for its end and is planned anew then";
    case model::Overlap::refuse:
      return begin + fmt::format(
                         "another change is refused until it ends; wait for that, or take "
                         "it back with `hitless rollout abort {}`",
                         service.name);
  }
  return {};
}

Checked<void> add_under_way(const Call& call, const model::Service& service,
                            const control::ServiceUpdate& update, json::object& plan) {
  if (!update.changes_config()) return {};  // meets nothing
  HL_TRY_ASSIGN(const auto met, call.port.under_way(service.id));
  if (!met) return {};
  plan["under_way"] = json::object{{"rollout_id", met->rollout.text()},
                                   {"phase", to_text(met->phase)},
                                   {"overlap", to_text(met->overlap)},
                                   {"notice", notice_of(service, *met)}};
  return {};
}

bool changes_nothing(const control::ServiceUpdate& update) {
  return !update.description && !update.changes_config() && update.wire.empty();
}

// What control says about a change, in the contract's words.
Checked<void> accepted(const Result<void>& result, const model::ServiceId& id) {
  if (result) return {};
  if (result.error().code() == Code::not_found) return unknown_service(id.text());
  return Failure(result.error(), {{Code::conflict, Cause::state_forbids}});
}

Failure unknown_status() {
  return Failure(Cause::invalid_argument, "field [status] must be one of running, stopped");
}

Result<void> start_or_stop(const Call& call, const model::ServiceId& id, bool starts,
                           const std::optional<std::string>& hash) {
  return starts ? call.port.start_service(id, call.who, hash)
                : call.port.stop_service(id, call.who, hash);
}

// With status everything else is ignored (contract: service states).
Checked<std::optional<bool>> read_starts(const json::object& body) {
  HL_TRY_ASSIGN(const std::optional<std::string> status, find_string(body, "status"));
  if (!status) return std::optional<bool>();
  if (*status != "running" && *status != "stopped") return unknown_status();
  return std::optional(*status == "running");
}

// Members that a change with this body does not look at.
json::array ignored_in(const json::object& body, bool acts_on_status) {
  json::array ignored;
  for (const auto& [name, value] : body) {
    const bool is_read = acts_on_status
                             ? contains(k_read_with_status, name)
                             : contains(k_read_on_update, name) || contains(k_kept_on_update, name);
    if (!is_read) ignored.emplace_back(name);
  }
  return ignored;
}

std::vector<std::string> split_ids(std::string_view text) {
  std::vector<std::string> ids;
  while (!text.empty()) {
    const std::string_view id = text.substr(0, text.find(','));
    if (!id.empty()) ids.emplace_back(id);
    text.remove_prefix(std::min(text.size(), id.size() + 1));
  }
  return ids;
}

// The contract leaves open how a partly failed batch is told; this is how models do it.
net::HttpResponse delete_several(const Call& call, const std::vector<std::string>& ids) {
  json::array deleted;
  json::array failed;
  for (const std::string& id : ids) {
    const model::ServiceId service(id);
    const Checked<void> done = accepted(call.port.delete_service(service, call.who), service);
    if (done) {
      deleted.emplace_back(id);
      continue;
    }
    failed.push_back(json::object{{"service_id", id},
                                  {"error_code", row_of(done.error().cause()).error_code},
                                  {"error_msg", done.error().text()}});
  }
  return ok(json::object{{"delete_success_list", std::move(deleted)},
                         {"delete_failed_list", std::move(failed)}});
}

}  // namespace

Reply create_service(const Call& call) {
  HL_TRY_ASSIGN(const json::object body, call.body());
  HL_TRY_ASSIGN(control::NewService service, read_service(call, body));
  service.who = call.who;
  HL_TRY(check_name_free(call.store, service.name));
  const std::string name = service.name;
  const Result<model::ServiceId> id = call.port.create_service(std::move(service));
  if (id) return ok(json::object{{"service_id", id->text()}, {"resource_ids", json::array()}});
  if (id.error().code() == Code::conflict) {
    return Failure(Cause::service_exists, fmt::format("Service name {} already exists.", name));
  }
  return Failure(id.error(), {{Code::not_found, Cause::model_unknown_to_service}});
}

Reply list_services(const Call& call) {
  store::ServiceQuery query;
  HL_TRY_ASSIGN(query.page, call.page({"publish_at", "service_name", "transition_at"}));
  query.id = call.query_member("service_id");
  query.name = call.query_member("service_name");
  query.model = call.query_member("model_id");
  query.infer_type = call.query_member("infer_type");
  query.status = call.query_member("status");
  if (!query.status.empty() && !model::service_status_from_text(query.status)) {
    return Failure(Cause::invalid_argument, "parameter [status] is not a status of services");
  }
  HL_TRY_ASSIGN(const auto page, call.store.list_services(query));
  json::array rows;
  for (const model::Service& service : page.rows) rows.push_back(to_summary(call, service));
  return ok(json::object{
      {"total_count", page.total}, {"count", rows.size()}, {"services", std::move(rows)}});
}

Reply show_service(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(json::object detail, to_detail(call, service));
  return ok(std::move(detail));
}

Reply update_service(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const json::object body, call.body());
  HL_TRY_ASSIGN(const std::optional<bool> starts, read_starts(body));
  HL_TRY_ASSIGN(const std::optional<std::string> hash, wanted_plan(call, body));
  Result<void> done;
  if (starts) {
    done = start_or_stop(call, service.id, *starts, hash);
  } else {
    HL_TRY_ASSIGN(control::ServiceUpdate update, read_update(call, service, body));
    if (changes_nothing(update) && !hash) return ok(json::object());
    update.who = call.who;
    done = call.port.update_service(service.id, std::move(update), hash);
  }
  if (!done && hash && done.error().code() == Code::conflict) {
    return Failure(Cause::plan_outdated, done.error().text());
  }
  HL_TRY(accepted(done, service.id));
  return ok(json::object());
}

Reply delete_service(const Call& call) {
  const std::vector<std::string> ids = split_ids(call.path_member("service_id"));
  if (ids.size() > 1) return delete_several(call, ids);
  const model::ServiceId id(ids.empty() ? std::string() : ids.front());
  HL_TRY(accepted(call.port.delete_service(id, call.who), id));
  return ok(json::object());
}

Reply plan_service(const Call& call) {
  HL_TRY_ASSIGN(const model::Service service, find_service(call));
  HL_TRY_ASSIGN(const json::object body, call.body());
  HL_TRY_ASSIGN(const std::optional<bool> starts, read_starts(body));
  control::ServiceUpdate update;
  if (!starts) {
    HL_TRY_ASSIGN(update, read_update(call, service, body));
  }
  const Result<model::Plan> plan = !starts   ? call.port.plan_update(service.id, update)
                                   : *starts ? call.port.plan_start(service.id)
                                             : call.port.plan_stop(service.id);
  if (!plan) return Failure(plan.error(), {{Code::conflict, Cause::state_forbids}});
  json::object out = shown_plan(call, *plan, update);
  HL_TRY(add_under_way(call, service, update, out));
  json::array ignored = ignored_in(body, starts.has_value());
  if (!ignored.empty()) out["ignored"] = std::move(ignored);
  return ok(std::move(out));
}

}  // namespace hitless::api
