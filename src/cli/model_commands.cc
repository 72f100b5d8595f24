// hitless model create|list|show|delete
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>
#include <thread>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "cli/wait_line.h"

namespace hitless::cli {
namespace {

struct NewModel {
  std::string name, version, from, type = "ONNX", description, config_file, warm_up_file;
  bool wait = false;
};

// The model once its import has ended.
Result<json::object> wait_for_import(Session& session, const std::string& id) {
  WaitLine line(session, "importing");
  for (;;) {
    HL_TRY_ASSIGN(json::object model, session.api.get("/models/" + id));
    const std::string status = text_or_empty(model, "model_status");
    if (status != "publishing" && status != "building") return model;
    line.show();
    std::this_thread::sleep_for(session.io.poll_every);
  }
}

// Published is 0.
Result<int> follow_import(Session& session, const std::string& id) {
  HL_TRY_ASSIGN(const json::object model, wait_for_import(session, id));
  if (session.json) print_json(session, model);
  const std::string status = text_or_empty(model, "model_status");
  if (status != "published") {
    return Error(Code::invalid, fmt::format("the import ended as {}: {}", status,
                                            text_or_empty(model, "error_msg")));
  }
  if (!session.json) session.io.out << "published\n";
  return k_exit_ok;
}

Result<int> create_model(Session& session, const NewModel& model) {
  std::error_code failure;
  const auto from = std::filesystem::absolute(model.from, failure);
  json::object body{{"model_name", model.name},
                    {"model_version", model.version},
                    {"model_type", model.type},
                    {"source_location", from.string()}};
  if (!model.description.empty()) body["description"] = model.description;
  if (!model.config_file.empty()) {
    constexpr std::size_t k_config_bytes_max = 1024 * 1024;  // config.json is written by hand
    HL_TRY_ASSIGN(body["initial_config"], read_file(model.config_file, k_config_bytes_max));
  }
  if (!model.warm_up_file.empty()) {
    constexpr std::size_t k_warm_up_bytes_max = 2 * 1024 * 1024;  // a body of base64 among them
    HL_TRY_ASSIGN(const std::string text, read_file(model.warm_up_file, k_warm_up_bytes_max));
    auto warm_up = parse_json(text);
    if (!warm_up) return std::move(warm_up).error().context(model.warm_up_file);
    body["warm_up"] = *std::move(warm_up);
  }
  HL_TRY_ASSIGN(const json::object answer, session.api.send("POST", "/models", body));
  const std::string id = text_or_empty(answer, "model_id");
  if (model.wait) {
    if (!session.json) session.io.out << "model " << id << " is being imported\n";
    return follow_import(session, id);
  }
  if (session.json) {
    print_json(session, answer);
  } else {
    session.io.out << id << "\n";
  }
  return k_exit_ok;
}

Result<int> list_models(Session& session, const std::string& name) {
  const std::string query = name.empty() ? "" : "?model_name=" + percent_encoded(name);
  HL_TRY_ASSIGN(const json::object page, session.api.get("/models" + query));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"NAME", "VERSION", "TYPE", "STATUS", ">SIZE", "CREATED", "ID"});
  for (const json::value& row : array_or_empty(page, "models")) {
    const json::object& model = row.get_object();
    table.add({text_or_empty(model, "model_name"), text_or_empty(model, "model_version"),
               text_or_empty(model, "model_type"),
               paint_word(session.io, text_or_empty(model, "model_status")),
               human_bytes(int_or_zero(model, "model_size")),
               human_ago(int_or_zero(model, "create_at"), now_ms()),
               text_or_empty(model, "model_id")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

// "2 requests: POST /predict, GET /labels"; nothing without any.
std::string warm_up_text(const json::object& model) {
  const json::array& requests = array_or_empty(model, "warm_up");
  std::string names;
  for (const json::value& row : requests) {
    names.append(names.empty() ? "" : ", ")
        .append(text_or_empty(row.get_object(), "method"))
        .append(" ")
        .append(text_or_empty(row.get_object(), "path"));
  }
  if (requests.empty()) return "";
  return fmt::format("{} request{}: {}", requests.size(), requests.size() == 1 ? "" : "s", names);
}

Result<int> show_model(Session& session, const std::string& which) {
  HL_TRY_ASSIGN(const json::object found, find_model(session, which));
  HL_TRY_ASSIGN(const json::object model,
                session.api.get("/models/" + text_or_empty(found, "model_id")));
  if (session.json) return print_json(session, model), k_exit_ok;
  session.io.out << pairs_text(
      {{"name", text_or_empty(model, "model_name")},
       {"version", text_or_empty(model, "model_version")},
       {"id", text_or_empty(model, "model_id")},
       {"type", text_or_empty(model, "model_type")},
       {"status", paint_word(session.io, text_or_empty(model, "model_status"))},
       {"error", text_or_empty(model, "error_msg")},
       {"description", text_or_empty(model, "description")},
       {"from", text_or_empty(model, "source_location")},
       {"size", human_bytes(int_or_zero(model, "model_size"))},
       {"digest", text_or_empty(model, "digest")},
       {"warm-up", warm_up_text(model)},
       {"created", human_ago(int_or_zero(model, "create_at"), now_ms())}});
  return k_exit_ok;
}

Result<int> delete_model(Session& session, const std::string& which, bool all_versions) {
  HL_TRY_ASSIGN(const json::object model, find_model(session, which));
  HL_TRY_ASSIGN(const json::object answer,
                session.api.send("DELETE",
                                 "/models/" + text_or_empty(model, "model_id") +
                                     (all_versions ? "?cascade=true" : ""),
                                 json::value()));
  const json::array& failed = array_or_empty(answer, "delete_failed_list");
  if (session.json) print_json(session, answer);
  for (const json::value& row : failed) {
    session.io.err << "hitless: " << text_or_empty(row.get_object(), "model_id")
                   << " stays: " << text_or_empty(row.get_object(), "error_msg") << "\n";
  }
  if (!session.json) {
    session.io.out << array_or_empty(answer, "delete_success_list").size() << " deleted\n";
  }
  return failed.empty() ? k_exit_ok : k_exit_error;
}

}  // namespace

void add_model_commands(CLI::App& app, Command& chosen) {
  CLI::App* group = app.add_subcommand("model", "Model versions: create, list, show, delete");
  group->group("Models and services")->require_subcommand(1);

  auto model = std::make_shared<NewModel>();
  CLI::App* create = group->add_subcommand("create", "Import a package directory as a version");
  create->add_option("NAME", model->name, "What it shall be called")->required();
  create->add_option("VERSION", model->version, "Three numbers: 0.0.1")->required();
  create->add_option("--from", model->from, "Directory that holds model/config.json")->required();
  create->add_option("--type", model->type, "ONNX or Custom")->capture_default_str();
  create->add_option("--description", model->description, "At most 100 characters");
  create->add_option("--config", model->config_file, "config.json to use in place of its own");
  create->add_option("--warm-up", model->warm_up_file,
                     "File of warm-up requests to use in place of its own");
  create->add_flag("--wait", model->wait, "Wait until it is published");
  create->footer("Example: hitless model create vad 0.0.1 --from ./vad --type ONNX --wait");
  create->callback([model, &chosen] {
    chosen = [model](Session& session) { return create_model(session, *model); };
  });

  auto which = std::make_shared<std::string>();
  CLI::App* list = group->add_subcommand("list", "All versions, newest first");
  list->add_option("NAME", *which, "Part of the name");
  list->footer("Example: hitless model list vad");
  list->callback([which, &chosen] {
    chosen = [which](Session& session) { return list_models(session, *which); };
  });

  CLI::App* show = group->add_subcommand("show", "One version");
  show->add_option("MODEL", *which, "NAME[:VERSION] or id")->required();
  show->footer("Example: hitless model show vad:0.0.1 --json");
  show->callback([which, &chosen] {
    chosen = [which](Session& session) { return show_model(session, *which); };
  });

  auto all_versions = std::make_shared<bool>(false);
  CLI::App* remove = group->add_subcommand("delete", "Delete a version that no service uses");
  remove->add_option("MODEL", *which, "NAME[:VERSION] or id")->required();
  remove->add_flag("--all-versions", *all_versions, "Every version of that name, at most 20");
  remove->footer("Example: hitless model delete vad:0.0.1");
  remove->callback([which, all_versions, &chosen] {
    chosen = [which, all_versions](Session& session) {
      return delete_model(session, *which, *all_versions);
    };
  });
}

}  // namespace hitless::cli
