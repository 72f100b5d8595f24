// hitless service create|update|plan
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "base/file.h"
#include "cli/accepted_change.h"
#include "cli/cli.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/policy_flags.h"
#include "cli/render_plan.h"
#include "cli/render_report.h"
#include "cli/service_body.h"
#include "cli/traffic_flags.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

constexpr std::size_t k_body_bytes_max = 12 * 1024 * 1024;  // what the API takes

struct Options {
  std::string service;
  std::string model;
  std::string file;
  std::string plan_hash;
  ServiceFlags flags;
  PolicyFlags policy;
  TrafficFlags traffic;
  std::string update_line;  // the update that does what is planned
  bool wait = false;
};

Result<json::object> read_base(const std::string& file) {
  if (file.empty()) return json::object();
  HL_TRY_ASSIGN(const std::string text, read_file(file, k_body_bytes_max));
  Result<json::value> value = parse_json(text);
  if (!value) return value.error().context(file);
  if (!value->is_object()) return Error(Code::invalid, file + ": not a JSON object");
  return std::move(value->get_object());
}

Result<ServiceFlags> resolved(Session& session, const Options& options) {
  ServiceFlags flags = options.flags;
  if (!options.model.empty()) {
    HL_TRY_ASSIGN(const json::object model, find_model(session, options.model));
    flags.model_id = text_or_empty(model, "model_id");
  }
  return flags;
}

Result<int> create_service(Session& session, const Options& options) {
  HL_TRY_ASSIGN(json::object base, read_base(options.file));
  HL_TRY_ASSIGN(const ServiceFlags flags, resolved(session, options));
  HL_TRY_ASSIGN(json::object body, create_body(options.service, std::move(base), flags));
  HL_TRY(apply_policy(options.policy, {}, body));
  HL_TRY(apply_traffic(options.traffic, {}, body));
  HL_TRY_ASSIGN(const json::object answer, session.api.send("POST", "/services", body));
  const std::string id = text_or_empty(answer, "service_id");
  if (!options.wait) {
    if (session.json) return print_json(session, answer), k_exit_ok;
    session.io.out << id << "\n";
    return k_exit_ok;
  }
  if (!session.json) session.io.out << "service " << id << " is being deployed\n";
  const Before nothing{.path = "/services/" + id, .name = options.service};
  HL_TRY_ASSIGN(const int status, follow_change(session, nothing, true));
  HL_TRY_ASSIGN(const json::object service, session.api.get(nothing.path));
  if (!session.json) {
    session.io.out << "\ncall it: " << text_or_empty(service, "access_address") << "\n";
  }
  return status;
}

Result<json::object> body_for(Session& session, const json::object& service,
                              const Options& options) {
  HL_TRY_ASSIGN(json::object base, read_base(options.file));
  HL_TRY_ASSIGN(const ServiceFlags flags, resolved(session, options));
  HL_TRY_ASSIGN(json::object body, update_body(service, std::move(base), flags));
  HL_TRY(apply_policy(options.policy, service, body));
  HL_TRY(apply_traffic(options.traffic, service, body));
  if (body.empty()) return Error(Code::invalid, "nothing to change: --help lists what can be");
  if (!options.plan_hash.empty()) body["plan_hash"] = options.plan_hash;
  return body;
}

Result<int> update_service(Session& session, const Options& options) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, options.service));
  HL_TRY_ASSIGN(const json::object body, body_for(session, service, options));
  HL_TRY_ASSIGN(const Before before, before_change(session, service));
  HL_TRY(session.api.send("PUT", before.path, body));
  return follow_change(session, before, options.wait);
}

Result<int> plan_update(Session& session, const Options& options) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, options.service));
  HL_TRY_ASSIGN(const json::object body, body_for(session, service, options));
  HL_TRY_ASSIGN(const json::object plan,
                session.api.send("POST", path_of(service) + "/plan", body));
  if (session.json) {
    print_json(session, plan);
  } else {
    session.io.out << render_plan(session.io, plan, options.update_line);
  }
  return k_exit_ok;
}

// What JSON cannot say: "nan" and "inf" are numbers to the flags' parser.
std::string refuse_odd_number(const std::string& text) {
  const bool is_odd = text.find_first_of("nN") != std::string::npos;
  return is_odd ? text + " is not a number" : std::string();
}

void add_flags(CLI::App& command, const std::shared_ptr<Options>& options, bool update) {
  ServiceFlags& flags = options->flags;
  command
      .add_option(update ? "SERVICE" : "NAME", options->service,
                  update ? "Name or id" : "What it shall be called")
      ->required();
  command.add_option("--model", options->model, "NAME[:VERSION] or id");
  if (update) {
    command.add_option("--weight", flags.weight, "Share of --model in percent, beside the others")
        ->check(CLI::Range(0, 100));
  }
  command.add_option("--count", flags.count, "Instances")->check(CLI::Range(1, 128));
  command.add_option("--spec", flags.specification, "As GET .../services/specifications lists");
  command.add_option("--env", flags.envs, "NAME=VALUE, again for more")->allow_extra_args(false);
  command.add_option("--max-surge", flags.max_surge, "Extra instances during a change")
      ->check(refuse_odd_number);
  command.add_option("--max-unavailable", flags.max_unavailable, "Instances that may be missing")
      ->check(refuse_odd_number);
  command.add_option("--deploy-timeout", flags.deploy_timeout_seconds,
                     "Seconds for an instance to get ready");
  command.add_option("--grace", flags.grace_seconds, "Seconds from SIGTERM to SIGKILL");
  command.add_option("--description", flags.description, "At most 100 characters");
  command.add_option("--balance", flags.balance, "ROUND_ROBIN, LEAST_CONNECTIONS or SOURCE_IP");
  command.add_option("--file", options->file, "Body as JSON; flags win over it");
  add_policy_flags(command, options->policy);
  add_traffic_flags(command, options->traffic);
}

using Work = Result<int> (*)(Session&, const Options&);

void run_as(CLI::App& command, const std::shared_ptr<Options>& options, Command& chosen,
            Work work) {
  command.callback([options, work, &chosen] {
    chosen = [options, work](Session& session) { return work(session, *options); };
  });
}

}  // namespace

void add_change_commands(CLI::App& service, Command& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* create = service.add_subcommand("create", "Deploy a model version as a service");
  add_flags(*create, options, false);
  create->add_flag("--wait", options->wait, "Watch it to its end and print the report");
  create->footer("Example: hitless service create speech --model vad:0.0.1 --count 2 --wait");
  run_as(*create, options, chosen, create_service);

  CLI::App* update = service.add_subcommand("update", "Change a service while it serves");
  add_flags(*update, options, true);
  update->add_option("--plan", options->plan_hash, "Only if the plan still has this hash");
  update->add_flag("--wait", options->wait, "Watch it to its end and print the report");
  update->footer(
      "Examples:\n"
      "  hitless service update speech --model vad:0.0.2 --wait     that version alone\n"
      "  hitless service update speech --model vad:0.0.2 --weight 20  a fifth of the traffic\n"
      "  hitless service update speech --count 4\n"
      "Exit status with --wait: 0 succeeded, 3 rolled back, 4 failed.");
  run_as(*update, options, chosen, update_service);

  CLI::App* plan = service.add_subcommand("plan", "What an update would do; changes nothing");
  add_flags(*plan, options, true);
  plan->footer(
      "Example: hitless service plan speech --model vad:0.0.2 --canary 5:60s,50:60s\n"
      "Its last line is the command that applies exactly what was shown.");
  plan->callback([plan, options, &chosen] {
    options->update_line = command_line_of(*plan, "update");
    chosen = [options](Session& session) { return plan_update(session, *options); };
  });
}

}  // namespace hitless::cli
