// hitless rollout list|show|watch
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_plan.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

// `which` is a rollout's id, or a service: then its newest rollout.
Result<std::string> find_rollout(Session& session, const std::string& which) {
  const Result<json::object> by_id = session.api.get("/rollouts/" + percent_encoded(which));
  if (by_id) return text_or_empty(*by_id, "rollout_id");
  if (by_id.error().code() != Code::not_found) return by_id.error();
  HL_TRY_ASSIGN(const json::object service, find_service(session, which));
  HL_TRY_ASSIGN(const std::string newest, newest_rollout(session, path_of(service)));
  if (!newest.empty()) return newest;
  return Error(Code::not_found, fmt::format("service {} has no rollout yet", which));
}

Result<int> list_rollouts(Session& session, const std::string& which) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, which));
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/rollouts"));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"WHEN", "KIND", "PHASE", ">FROM", ">TO", "ID", "WHY"});
  for (const json::value& row : array_or_empty(page, "rollouts")) {
    const json::object& each = row.get_object();
    table.add({human_ago(int_or_zero(each, "created_at"), now_ms()), text_or_empty(each, "kind"),
               paint_word(session.io, text_or_empty(each, "phase")),
               fmt::format("{}", int_or_zero(each, "from_revision")),
               fmt::format("{}", int_or_zero(each, "to_revision")),
               text_or_empty(each, "rollout_id"), text_or_empty(each, "why")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

Result<int> show_rollout(Session& session, const std::string& which) {
  HL_TRY_ASSIGN(const std::string id, find_rollout(session, which));
  HL_TRY_ASSIGN(const json::object rollout, session.api.get("/rollouts/" + id));
  if (session.json) return print_json(session, rollout), k_exit_ok;
  session.io.out << render_plan(session.io, object_or_empty(rollout, "plan")) << "\n"
                 << render_report(session.io, rollout) << "\n"
                 << instances_text(session.io, array_or_empty(rollout, "instances"));
  return k_exit_ok;
}

}  // namespace

void add_rollout_commands(CLI::App& app, Command& chosen) {
  CLI::App* group = app.add_subcommand("rollout", "Changes: list, show, watch");
  group->group("Models and services")->require_subcommand(1);
  auto which = std::make_shared<std::string>();

  CLI::App* list = group->add_subcommand("list", "Changes of a service, newest first");
  list->add_option("SERVICE", *which, "Name or id")->required();
  list->footer("Example: hitless rollout list speech");
  list->callback([which, &chosen] {
    chosen = [which](Session& session) { return list_rollouts(session, *which); };
  });

  CLI::App* show = group->add_subcommand("show", "Plan, report and instances of one change");
  show->add_option("ROLLOUT", *which, "Its id, or a service: then its newest")->required();
  show->footer("Example: hitless rollout show speech --json");
  show->callback([which, &chosen] {
    chosen = [which](Session& session) { return show_rollout(session, *which); };
  });

  CLI::App* watch = group->add_subcommand("watch", "Follow a change to its end");
  watch->add_option("ROLLOUT", *which, "Its id, or a service: then its newest")->required();
  watch->footer(
      "Example: hitless rollout watch speech\n"
      "Exit status: 0 succeeded, 3 rolled back, 4 failed, 1 superseded.");
  watch->callback([which, &chosen] {
    chosen = [which](Session& session) -> Result<int> {
      HL_TRY_ASSIGN(const std::string id, find_rollout(session, *which));
      return watch_rollout(session, id);
    };
  });
}

}  // namespace hitless::cli
