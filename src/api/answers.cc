#include "api/answers.h"

#include <algorithm>

#include "api/limits.h"
#include "api/service_config.h"

namespace hitless::api {
namespace {

const std::string& tenant_of(const ApiOptions& options) {
  return options.tenant.empty() ? options.project_id : options.tenant;
}

// Copies those members of `from` that answers show as they were sent.
void echo_members(json::object& out, const json::object& from,
                  std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    const json::value* value = from.if_contains(name);
    if (value != nullptr && !value->is_null()) out[name] = *value;
  }
}

// What config.json says under `name`; null when it says nothing.
const json::value* config_member(const json::value& config, std::string_view name) {
  const json::object* object = config.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

void add_from_config(json::object& out, const model::ModelVersion& version) {
  const Result<json::value> parsed = parse_json(version.config_text);
  const json::value config = parsed ? *parsed : json::value();
  const json::value* apis = version.wire.if_contains("apis");
  if (apis == nullptr) apis = config_member(config, "apis");
  if (apis != nullptr) out["apis"] = to_json_text(*apis);  // an array on create, text on read
  for (std::string_view name : {"dependencies", "health", "model_algorithm", "runtime"}) {
    if (out.contains(name)) continue;
    if (const json::value* value = config_member(config, name)) out[name] = *value;
  }
}

// The configuration that GET shows: the goal of a rollout that is going forward, else what serves
// or is kept, else the newest that was tried.
Result<std::optional<model::Revision>> shown_revision(const Call& call,
                                                      const model::Service& service) {
  model::RevisionNumber number = service.revision;
  if (!service.rollout.empty()) {
    const Result<model::Rollout> rollout = call.store.find_rollout(service.rollout);
    const bool forward =
        rollout && !is_terminal(rollout->phase) && rollout->phase != model::Phase::rolling_back;
    if (forward && rollout->plan.to != 0) number = rollout->plan.to;
  }
  if (number != 0) {
    HL_TRY_ASSIGN(model::Revision revision, call.store.find_revision(service.id, number));
    return std::optional(std::move(revision));
  }
  HL_TRY_ASSIGN(std::vector<model::Revision> all, call.store.list_revisions(service.id));
  const auto newest = std::max_element(
      all.begin(), all.end(),
      [](const auto& left, const auto& right) { return left.number < right.number; });
  if (newest == all.end()) return std::optional<model::Revision>();
  return std::optional(std::move(*newest));
}

std::string_view entry_status(const model::ConfigEntry& entry,
                              const std::vector<control::InstanceStatus>& instances) {
  const std::string key = model::template_digest(entry);
  const auto routed =
      std::count_if(instances.begin(), instances.end(), [&](const control::InstanceStatus& each) {
        return each.state == "routed" && each.instance.group == key;
      });
  if (routed >= entry.instance_count) return "ready";
  return routed > 0 ? "concerning" : "notReady";
}

// Large bodies are told by their size.
json::array shown(const model::WarmUp& warm_up) {
  json::array rows = model::to_json(warm_up);
  for (std::size_t index = 0; index < warm_up.size(); ++index) {
    if (warm_up[index].body.size() <= k_warm_up_body_shown_max) continue;
    json::object& row = rows[index].get_object();
    row.erase("body");
    row.erase("body_base64");
    row["body_bytes"] = warm_up[index].body.size();
  }
  return rows;
}

}  // namespace

json::object to_list_item(const ApiOptions& options, const model::ModelVersion& version) {
  json::object out;
  echo_members(out, version.wire, {"source_type", "source_copy", "install_type", "workspace_id"});
  out["model_id"] = version.id.text();
  out["model_name"] = version.name;
  out["model_version"] = version.version;
  out["model_type"] = version.type;
  out["model_size"] = version.size_bytes;
  out["model_status"] = model::to_text(version.status);
  out["model_source"] = "custom";
  out["description"] = version.description;
  out["tenant"] = tenant_of(options);
  out["project"] = options.project_id;
  out["owner"] = options.owner;
  if (!out.contains("workspace_id")) out["workspace_id"] = "0";
  if (!out.contains("install_type")) out["install_type"] = json::array{"real-time", "batch"};
  out["create_at"] = to_millis(version.created_at);
  out["tunable"] = false;
  out["market_flag"] = false;
  out["publishable_flag"] = false;
  if (!version.error.empty()) out["error_msg"] = version.error;  // ours
  return out;
}

json::object to_detail(const ApiOptions& options, const model::ModelVersion& version) {
  json::object out = to_list_item(options, version);
  echo_members(
      out, version.wire,
      {"source_job_id", "source_job_version", "runtime", "execution_code", "model_algorithm",
       "model_metrics", "model_docs", "input_params", "output_params", "dependencies", "cmd"});
  out["source_location"] = version.source_location;
  out["config"] = version.config_text;
  add_from_config(out, version);
  if (!out.contains("model_docs")) out["model_docs"] = json::array();
  if (!out.contains("dependencies")) out["dependencies"] = json::array();
  if (!version.digest.empty()) out["digest"] = version.digest;                          // ours
  if (!version.launch.warm_up.empty()) out["warm_up"] = shown(version.launch.warm_up);  // ours
  return out;
}

namespace {

json::object summary_of(const Call& call, const model::Service& service,
                        const control::Port::Calls& calls) {
  json::object out;
  echo_members(
      out, service.wire,
      {"workspace_id", "schedule", "additional_properties", "is_opened_sample_collection"});
  out["service_id"] = service.id.text();
  out["service_name"] = service.name;
  out["description"] = service.description;
  out["tenant"] = tenant_of(call.options);
  out["project"] = call.options.project_id;
  out["owner"] = call.options.owner;
  if (!out.contains("workspace_id")) out["workspace_id"] = "0";
  out["infer_type"] = service.infer_type;
  out["status"] = model::to_text(service.status);
  if (service.status == model::ServiceStatus::deploying) out["progress"] = service.progress;
  out["publish_at"] = to_millis(service.publish_at);
  out["transition_at"] = to_millis(service.transition_at);
  out["operation_time"] = to_millis(service.operation_time);
  out["invocation_times"] = calls.invocations;
  out["failed_times"] = calls.failures;
  out["is_shared"] = false;
  out["shared_count"] = 0;
  out["is_free"] = false;
  if (!out.contains("is_opened_sample_collection")) out["is_opened_sample_collection"] = "false";
  if (!out.contains("additional_properties")) out["additional_properties"] = json::object();
  return out;
}

}  // namespace

json::object to_summary(const Call& call, const model::Service& service) {
  return summary_of(call, service, call.port.calls(service.id));
}

Checked<json::object> to_detail(const Call& call, const model::Service& service) {
  const control::Port::Calls calls = call.port.calls(service.id);
  json::object out = summary_of(call, service, calls);
  echo_members(out, service.wire,
               {"cluster_id", "pool_name", "vpc_id", "subnet_network_id", "security_group_id",
                "priority", "service_secrets"});
  if (!service.error.empty()) out["error_msg"] = service.error;
  HL_TRY_ASSIGN(const auto revision, shown_revision(call, service));
  HL_TRY_ASSIGN(const auto instances, call.port.instances(service.id));
  json::object ours{{"revision", service.revision}};
  if (revision) {
    out["config"] = entries_to_json(call.store, revision->config.entries, &instances);
    out["load_balancer_policy"] = model::to_wire(revision->config.balance);
    out["rollout_policy"] = model::to_json(revision->config.policy);
    out["traffic_policy"] = model::to_json(revision->config.traffic);
    ours["shown_revision"] = revision->number;
  }
  if (service.queued != 0) ours["queued_revision"] = service.queued;
  ours["refused"] = json::object{{"rate_limit", calls.rate_limited},
                                 {"concurrency_limit", calls.concurrency_limited},
                                 {"circuit_open", calls.circuit_open}};
  const std::string gateway = call.port.gateway_url();
  if (!gateway.empty()) out["access_address"] = gateway + "/v1/infers/" + service.id.text();
  out["update_time"] = to_millis(service.update_time);
  if (!service.rollout.empty()) {
    const Result<model::Rollout> rollout = call.store.find_rollout(service.rollout);
    ours["rollout_id"] = service.rollout.text();
    if (rollout) {
      ours["phase"] = model::to_text(rollout->phase);
      ours["why"] = rollout->why;
    }
  }
  out["hitless"] = std::move(ours);
  return out;
}

json::array entries_to_json(store::Store& store, const std::vector<model::ConfigEntry>& entries,
                            const std::vector<control::InstanceStatus>* instances) {
  json::array out;
  for (const model::ConfigEntry& entry : entries) {
    json::object row = echo_of(entry);
    // A version may have been deleted since; its id still says which it was.
    if (const Result<model::ModelVersion> version = store.find_model(entry.model)) {
      row["model_name"] = version->name;
      row["model_version"] = version->version;
    }
    if (instances != nullptr) {
      row["status"] = entry_status(entry, *instances);
      row["scaling"] = false;
      row["support_debug"] = false;
    }
    out.push_back(std::move(row));
  }
  return out;
}

json::object to_json(const control::InstanceStatus& status) {
  const model::Instance& instance = status.instance;
  json::object out{{"instance_id", instance.id.text()},
                   {"state", status.state},
                   {"stage", model::to_text(instance.stage)},
                   {"revision", instance.revision},
                   {"entry", instance.entry},
                   {"ordinal", instance.ordinal},
                   {"in_flight", status.in_flight},
                   {"created_at", to_millis(instance.created_at)},
                   {"stage_at", to_millis(instance.stage_at)}};
  const std::string& detail = status.detail.empty() ? instance.detail : status.detail;
  if (!detail.empty()) out["detail"] = detail;
  if (instance.ending != model::Ending::none) out["ending"] = model::to_text(instance.ending);
  if (status.pid != 0) out["pid"] = status.pid;
  if (status.streams != 0) out["streams"] = status.streams;
  if (status.connect_failures != 0) out["connect_failures"] = status.connect_failures;
  if (status.circuit_opened != 0) {
    out["circuit"] = status.is_circuit_open ? "open" : "closed";
    out["circuit_opened"] = status.circuit_opened;
  }
  if (!instance.rollout.empty()) out["rollout_id"] = instance.rollout.text();
  if (instance.ready_at) out["ready_at"] = to_millis(*instance.ready_at);
  if (instance.routed_at) out["routed_at"] = to_millis(*instance.routed_at);
  const bool addressed = instance.address.is_unix() || instance.address.port != 0;
  if (addressed) out["address"] = to_text(instance.address);
  return out;
}

}  // namespace hitless::api
