// hitless service list|show|start|stop|delete|events|logs|instances|instance-log
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/accepted_change.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/live_view.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "cli/traffic_flags.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

struct Choice {
  std::string service;
  std::string instance;
  std::int64_t bytes = 64 * 1024;
  std::int64_t limit = 50;
  bool wait = false;
  bool all = false;
};

Result<int> list_services(Session& session, const Choice& choice) {
  const std::string query =
      choice.service.empty() ? "" : "?service_name=" + percent_encoded(choice.service);
  HL_TRY_ASSIGN(const json::object page, session.api.get("/services" + query));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"NAME", "STATUS", ">CALLS", ">ERRORS", "CHANGED", "ID"});
  for (const json::value& row : array_or_empty(page, "services")) {
    const json::object& service = row.get_object();
    std::string status = paint_word(session.io, text_or_empty(service, "status"));
    if (service.contains("progress")) {
      status += fmt::format(" {} %", int_or_zero(service, "progress"));
    }
    table.add({text_or_empty(service, "service_name"), std::move(status),
               human_count(int_or_zero(service, "invocation_times")),
               human_count(int_or_zero(service, "failed_times")),
               human_ago(int_or_zero(service, "operation_time"), now_ms()),
               text_or_empty(service, "service_id")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

std::string entries_text(const Io& io, const json::object& service) {
  Table table({"MODEL", "VERSION", ">WEIGHT", ">COUNT", "SPECIFICATION", "STATUS"});
  for (const json::value& value : array_or_empty(service, "config")) {
    const json::object& entry = value.get_object();
    table.add({text_or_empty(entry, "model_name"), text_or_empty(entry, "model_version"),
               fmt::format("{} %", int_or_zero(entry, "weight")),
               fmt::format("{}", int_or_zero(entry, "instance_count")),
               text_or_empty(entry, "specification"),
               paint_word(io, text_or_empty(entry, "status"))});
  }
  return table.text();
}

// A service that runs has nothing wrong with it: what its last change came to stays in the answer.
std::string error_label(const json::object& service) {
  return text_or_empty(service, "status") == "running" ? "last change" : "error";
}

Result<int> show_service(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  if (session.json) return print_json(session, service), k_exit_ok;
  const json::object& ours = object_or_empty(service, "hitless");
  session.io.out << pairs_text(
      {{"name", text_or_empty(service, "service_name")},
       {"id", text_or_empty(service, "service_id")},
       {"description", text_or_empty(service, "description")},
       {"status", paint_word(session.io, text_or_empty(service, "status"))},
       {error_label(service), text_or_empty(service, "error_msg")},
       {"revision", fmt::format("{}", int_or_zero(ours, "revision"))},
       {"waiting", ours.contains("queued_revision")
                       ? fmt::format("revision {}", int_or_zero(ours, "queued_revision"))
                       : std::string()},
       {"change", text_or_empty(ours, "rollout_id")},
       {"phase", paint_word(session.io, text_or_empty(ours, "phase"))},
       {"why", text_or_empty(ours, "why")},
       {"address", text_or_empty(service, "access_address")},
       {"balance", text_or_empty(service, "load_balancer_policy")},
       {"traffic", traffic_text(service)},
       {"calls", fmt::format("{}, {} of them errors: answered 5xx, cut or not answered",
                             human_count(int_or_zero(service, "invocation_times")),
                             human_count(int_or_zero(service, "failed_times")))},
       {"refused", refused_text(service)},
       {"configured", human_ago(int_or_zero(service, "update_time"), now_ms())}});
  session.io.out << "\n" << entries_text(session.io, service);
  return k_exit_ok;
}

Result<int> set_status(Session& session, const Choice& choice, const std::string& status) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const Before before, before_change(session, service));
  HL_TRY(session.api.send("PUT", before.path, json::object{{"status", status}}));
  return follow_change(session, before, choice.wait);
}

Result<int> delete_service(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const json::object answer,
                session.api.send("DELETE", path_of(service), json::value()));
  if (choice.wait) HL_TRY(wait_until_gone(session, path_of(service)));
  if (session.json) print_json(session, answer);
  return k_exit_ok;
}

Result<int> list_events(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const json::object page,
                session.api.get(fmt::format("{}/events?limit={}", path_of(service), choice.limit)));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"WHEN", "TYPE", "EVENT"});
  for (const json::value& row : array_or_empty(page, "events")) {
    const json::object& event = row.get_object();
    table.add({human_ago(int_or_zero(event, "occur_time"), now_ms()),
               paint_word(session.io, text_or_empty(event, "event_type")),
               text_or_empty(event, "event_info")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

Result<int> list_updates(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/logs"));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"WHEN", "RESULT", ">REVISION", "ROLLOUT", "WHY"});
  for (const json::value& row : array_or_empty(page, "logs")) {
    const json::object& log = row.get_object();
    const json::object& ours = object_or_empty(log, "hitless");
    table.add({human_ago(int_or_zero(log, "update_time"), now_ms()),
               paint_word(session.io, text_or_empty(log, "result")),
               fmt::format("{}", int_or_zero(ours, "to_revision")),
               text_or_empty(ours, "rollout_id"), text_or_empty(ours, "why")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

// Those that live, and those of the newest change however they ended.
Result<int> list_instances(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/instances"));
  if (session.json) return print_json(session, page), k_exit_ok;
  HL_TRY_ASSIGN(const std::string newest, newest_rollout(session, path_of(service)));
  json::array shown;
  std::size_t left_out = 0;
  for (const json::value& row : array_or_empty(page, "instances")) {
    const json::object& each = row.get_object();
    const bool counts = choice.all || text_or_empty(each, "stage") != "gone" ||
                        (!newest.empty() && text_or_empty(each, "rollout_id") == newest);
    if (counts) {
      shown.push_back(row);
    } else {
      ++left_out;
    }
  }
  session.io.out << instances_text(session.io, shown);
  if (left_out > 0) {
    session.io.out << fmt::format("{} of earlier changes {} gone: --all lists them too\n", left_out,
                                  left_out == 1 ? "is" : "are");
  }
  return k_exit_ok;
}

Result<int> print_instance_log(Session& session, const Choice& choice) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, choice.service));
  HL_TRY_ASSIGN(const std::string log,
                session.api.get_text(fmt::format("{}/instances/{}/log?bytes={}", path_of(service),
                                                 percent_encoded(choice.instance), choice.bytes)));
  session.io.out << log;
  return k_exit_ok;
}

using Work = Result<int> (*)(Session&, const Choice&);

// A subcommand with the argument SERVICE; `example` is what may stand behind its name.
CLI::App* add(CLI::App& group, const std::string& name, const std::string& about,
              const std::string& example, const std::shared_ptr<Choice>& choice, Command& chosen,
              Work work) {
  CLI::App* command = group.add_subcommand(name, about);
  command->add_option("SERVICE", choice->service, "Name or id")->required(name != "list");
  command->footer(fmt::format("Example: hitless service {} {}", name, example));
  command->callback([choice, work, &chosen] {
    chosen = [choice, work](Session& session) { return work(session, *choice); };
  });
  return command;
}

}  // namespace

void add_service_commands(CLI::App& app, Command& chosen) {
  CLI::App* group =
      app.add_subcommand("service", "Services: deploy, change, start, stop, look into");
  group->group("Models and services")->require_subcommand(1);
  auto choice = std::make_shared<Choice>();
  add_change_commands(*group, chosen);
  add_revision_commands(*group, chosen);
  add(*group, "list", "All services, newest release first; errors are 5xx, cut, not answered",
      "--json", choice, chosen, list_services);
  add(*group, "show", "One service with its configuration", "speech", choice, chosen, show_service);
  const std::string wait_about = "Watch the change to its end";
  add(*group, "start", "Start a stopped service", "speech --wait", choice, chosen,
      [](Session& session, const Choice& each) { return set_status(session, each, "running"); })
      ->add_flag("--wait", choice->wait, wait_about);
  add(*group, "stop", "Stop a service; its configuration stays", "speech --wait", choice, chosen,
      [](Session& session, const Choice& each) { return set_status(session, each, "stopped"); })
      ->add_flag("--wait", choice->wait, wait_about);
  add(*group, "delete", "Drain, stop and forget a service", "speech --wait", choice, chosen,
      delete_service)
      ->add_flag("--wait", choice->wait, "Wait until it is gone");
  add(*group, "events", "What happened, newest first", "speech --limit 10", choice, chosen,
      list_events)
      ->add_option("--limit", choice->limit, "How many")
      ->capture_default_str();
  add(*group, "logs", "History of configuration updates", "speech", choice, chosen, list_updates);
  add(*group, "instances", "Running copies, and those of the newest change", "speech", choice,
      chosen, list_instances)
      ->add_flag("--all", choice->all, "Those gone with earlier changes too");
  CLI::App* log = add(*group, "instance-log", "What an instance printed", "speech 82e0844d-r1-1",
                      choice, chosen, print_instance_log);
  log->add_option("INSTANCE", choice->instance, "As `service instances` names it")->required();
  log->add_option("--bytes", choice->bytes, "From the end")->capture_default_str();
}

}  // namespace hitless::cli
