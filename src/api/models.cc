// Model versions: create, list, show, delete.
#include <fmt/format.h>
#include <strings.h>

#include "api/answers.h"
#include "api/handlers.h"
#include "api/limits.h"
#include "api/text_rules.h"

namespace hitless::api {
namespace {

// Further members of the contract's CreateModelRequest that answers echo.
constexpr std::string_view k_echoed_members[] = {"source_job_id",   "source_job_version",
                                                 "source_type",     "source_copy",
                                                 "runtime",         "execution_code",
                                                 "model_algorithm", "model_metrics",
                                                 "workspace_id",    "install_type",
                                                 "input_params",    "output_params",
                                                 "dependencies",    "apis",
                                                 "model_docs",      "cmd",
                                                 "template",        "deployment_constraints"};

Checked<std::string> read_type(const ApiOptions& options, const json::object& body) {
  HL_TRY_ASSIGN(const std::string type, get_string(body, "model_type"));
  std::string known;
  for (const std::string& each : options.model_types) {
    // Clients write "tensorflow" as well as "TensorFlow".
    if (each.size() == type.size() && strcasecmp(each.c_str(), type.c_str()) == 0) return each;
    known.append(known.empty() ? "" : ", ").append(each);
  }
  return Failure(Cause::invalid_argument,
                 fmt::format("field [model_type] must be one that this hitless runs: {}", known));
}

// The text of config.json, checked as far as starting an instance needs it.
Checked<std::string> read_config_text(const json::object& body, const std::string& type) {
  HL_TRY_ASSIGN(const std::optional<std::string> text, find_string(body, "initial_config"));
  if (!text || text->empty()) return std::string();
  const auto refuse = [](const Error& error) {
    return Failure(
        Cause::config_text_invalid,
        fmt::format("The field [initial_config] is no valid config.json: {}.", error.text()));
  };
  const Result<json::value> parsed = parse_json(*text);
  if (!parsed) return refuse(parsed.error());
  if (!parsed->is_object()) return refuse(Error(Code::invalid, "it must be a JSON object"));
  const Result<model::Launch> launch = model::launch_from_config(parsed->get_object(), type);
  if (!launch) return refuse(launch.error());
  return *text;
}

Checked<std::optional<model::WarmUp>> read_warm_up(const json::object& body) {
  const json::value* given = body.if_contains("warm_up");
  if (given == nullptr || given->is_null()) return std::optional<model::WarmUp>();
  Result<model::WarmUp> warm_up = model::warm_up_from_json(*given);
  if (!warm_up) return Failure(Cause::invalid_argument, warm_up.error().text());
  return std::optional(*std::move(warm_up));
}

Checked<void> check_echoed(const json::object& body) {
  for (std::string_view name :
       {"dependencies", "apis", "model_docs", "input_params", "output_params"}) {
    HL_TRY_ASSIGN(const json::array* list, find_array(body, name));
    if (name == "model_docs" && list != nullptr && list->size() > k_model_docs_max) {
      return Failure(Cause::invalid_argument, "field [model_docs] must have at most 3 documents");
    }
  }
  return {};
}

Checked<control::NewModel> read_model(const ApiOptions& options, const json::object& body) {
  control::NewModel model;
  HL_TRY_ASSIGN(model.name, get_name(body, "model_name"));
  HL_TRY_ASSIGN(model.version, get_version(body, "model_version"));
  HL_TRY_ASSIGN(model.type, read_type(options, body));
  HL_TRY_ASSIGN(model.description, read_description(body, "&!'\"<>="));
  HL_TRY_ASSIGN(model.source_location, get_string(body, "source_location"));
  if (model.source_location.empty()) {
    return Failure(Cause::invalid_argument,
                   "field [source_location] is required and cannot be empty");
  }
  HL_TRY_ASSIGN(model.initial_config, read_config_text(body, model.type));
  HL_TRY_ASSIGN(model.warm_up, read_warm_up(body));
  HL_TRY(check_echoed(body));
  for (std::string_view name : k_echoed_members) {
    if (const json::value* value = body.if_contains(name)) model.wire[name] = *value;
  }
  return model;
}

Checked<model::ModelVersion> find_model(const Call& call, const model::ModelId& id) {
  Result<model::ModelVersion> version = call.store.find_model(id);
  if (version) return std::move(*version);
  if (version.error().code() != Code::not_found) return version.error();
  return Failure(Cause::model_unknown, fmt::format("Model {} does not exist.", id.text()));
}

// All versions of that name, `first` before the others.
Checked<std::vector<model::ModelId>> versions_of(const Call& call,
                                                 const model::ModelVersion& first) {
  store::ModelQuery query;
  query.name = first.name;
  query.exact_name = true;
  HL_TRY_ASSIGN(const auto page, call.store.list_models(query));
  std::vector<model::ModelId> ids{first.id};
  for (const model::ModelVersion& version : page.rows) {
    if (version.id != first.id) ids.push_back(version.id);
  }
  if (std::ssize(ids) > k_cascade_max) ids.resize(static_cast<std::size_t>(k_cascade_max));
  return ids;
}

json::object delete_failure(const model::ModelId& id, const Error& error) {
  const Failure failure(
      error, {{Code::conflict, Cause::model_in_use}, {Code::not_found, Cause::model_unknown}});
  return {{"model_id", id.text()},
          {"error_code", row_of(failure.cause()).error_code},
          {"error_msg", failure.text()}};
}

}  // namespace

Reply create_model(const Call& call) {
  HL_TRY_ASSIGN(const json::object body, call.body());
  HL_TRY_ASSIGN(control::NewModel model, read_model(call.options, body));
  const std::string name = model.name + " " + model.version;
  const Result<model::ModelId> id = call.port.create_model(std::move(model));
  if (id) return ok(json::object{{"model_id", id->text()}});
  if (id.error().code() == Code::conflict) {
    return Failure(Cause::model_exists, fmt::format("Model {} already exists.", name));
  }
  return Failure(id.error(), {{Code::not_found, Cause::invalid_argument}});
}

Reply list_models(const Call& call) {
  store::ModelQuery query;
  HL_TRY_ASSIGN(query.page, call.page({"create_at", "model_version", "model_size"}));
  HL_TRY_ASSIGN(query.exact_name, call.query_bool("exact_match"));
  query.name = call.query_member("model_name");
  query.version = call.query_member("model_version");
  query.status = call.query_member("model_status");
  query.description = call.query_member("description");
  query.type = call.query_member("model_type");
  query.not_type = call.query_member("not_model_type");
  if (!query.status.empty() && !model::model_status_from_text(query.status)) {
    return Failure(Cause::invalid_argument, "parameter [model_status] is not a status of models");
  }
  if (!query.type.empty() && !query.not_type.empty()) {
    return Failure(Cause::invalid_argument,
                   "parameter [model_type] cannot go together with [not_model_type]");
  }
  HL_TRY_ASSIGN(const auto page, call.store.list_models(query));
  json::array rows;
  for (const auto& version : page.rows) rows.push_back(to_list_item(call.options, version));
  return ok(json::object{
      {"total_count", page.total}, {"count", rows.size()}, {"models", std::move(rows)}});
}

Reply show_model(const Call& call) {
  HL_TRY_ASSIGN(const auto version, find_model(call, model::ModelId(call.path_member("model_id"))));
  return ok(to_detail(call.options, version));
}

Reply delete_model(const Call& call) {
  HL_TRY_ASSIGN(const auto version, find_model(call, model::ModelId(call.path_member("model_id"))));
  HL_TRY_ASSIGN(const bool cascade, call.query_bool("cascade"));
  std::vector<model::ModelId> ids{version.id};
  if (cascade) {
    HL_TRY_ASSIGN(ids, versions_of(call, version));
  }
  json::array deleted;
  json::array failed;
  for (const model::ModelId& id : ids) {
    const Result<void> done = call.port.delete_model(id);
    if (done) {
      deleted.emplace_back(id.text());
    } else {
      failed.push_back(delete_failure(id, done.error()));
    }
  }
  return ok(json::object{{"delete_success_list", std::move(deleted)},
                         {"delete_failed_list", std::move(failed)}});
}

}  // namespace hitless::api
