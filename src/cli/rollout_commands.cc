// hitless rollout list|show|watch, and the orders of order_commands.cc
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/live_view.h"
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

// "baking 2/3 paused".
std::string listed_phase(const Io& io, const json::object& rollout) {
  std::string out = paint_word(io, text_or_empty(rollout, "phase"));
  const std::int64_t steps = int_or_zero(rollout, "steps");
  const std::int64_t step = int_or_zero(rollout, "step");
  if (steps > 0 && step < steps) out += fmt::format(" {}/{}", step + 1, steps);
  if (rollout.contains("paused_at")) out += " paused";
  return out;
}

Result<int> list_rollouts(Session& session, const std::string& which) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, which));
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/rollouts"));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({"WHEN", "KIND", "PHASE", ">FROM", ">TO", "WHO", "ID", "WHY"});
  for (const json::value& row : array_or_empty(page, "rollouts")) {
    const json::object& each = row.get_object();
    table.add({human_ago(int_or_zero(each, "created_at"), now_ms()), text_or_empty(each, "kind"),
               listed_phase(session.io, each),
               fmt::format("{}", int_or_zero(each, "from_revision")),
               fmt::format("{}", int_or_zero(each, "to_revision")), text_or_empty(each, "who"),
               text_or_empty(each, "rollout_id"), text_or_empty(each, "why")});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

struct Shown {
  std::string which;
  bool journal = false;
};

Result<int> show_rollout(Session& session, const Shown& shown) {
  HL_TRY_ASSIGN(const std::string id, find_rollout(session, shown.which));
  if (shown.journal) {
    HL_TRY_ASSIGN(const std::string lines, session.api.get_text("/rollouts/" + id + "/journal"));
    session.io.out << lines;
    return k_exit_ok;
  }
  HL_TRY_ASSIGN(const json::object rollout, session.api.get("/rollouts/" + id));
  if (session.json) return print_json(session, rollout), k_exit_ok;
  const std::string plan = render_plan(session.io, object_or_empty(rollout, "plan"));
  const std::string report = render_report(session.io, rollout);
  // Of what is over the outcome comes first, of what goes on what is meant to happen.
  session.io.out << (has_ended(rollout) ? report + "\n" + plan : plan + "\n" + report) << "\n";
  if (!has_ended(rollout)) session.io.out << "now " << course_text(rollout) << "\n";
  session.io.out << instances_text(session.io, array_or_empty(rollout, "instances"));
  return k_exit_ok;
}

}  // namespace

void add_rollout_commands(CLI::App& app, Command& chosen) {
  CLI::App* group = app.add_subcommand("rollout", "Changes: list, show, watch, pause, abort");
  group->group("Models and services")->require_subcommand(1);
  auto which = std::make_shared<std::string>();

  CLI::App* list = group->add_subcommand("list", "Changes of a service, newest first");
  list->add_option("SERVICE", *which, "Name or id")->required();
  list->footer("Example: hitless rollout list speech");
  list->callback([which, &chosen] {
    chosen = [which](Session& session) { return list_rollouts(session, *which); };
  });

  CLI::App* show = group->add_subcommand("show", "Plan, report and instances of one change");
  auto shown = std::make_shared<Shown>();
  show->add_option("ROLLOUT", shown->which, "Its id, or a service: then its newest")->required();
  show->add_flag("--journal", shown->journal, "What each decision was made from, lines of JSON");
  show->footer(
      "Examples:\n"
      "  hitless rollout show speech --json\n"
      "  hitless rollout show speech --journal | hitless sim --replay -");
  show->callback([shown, &chosen] {
    chosen = [shown](Session& session) { return show_rollout(session, *shown); };
  });
  add_order_commands(*group, chosen);

  CLI::App* watch = group->add_subcommand("watch", "Follow a change to its end");
  watch->add_option("ROLLOUT", *which, "Its id, or a service: then its newest")->required();
  watch->footer(
      "Example: hitless rollout watch speech\n"
      "With --json a line for each event of its stream; the last one has the report.\n"
      "Exit status: 0 succeeded, 3 rolled back, 4 failed, 1 superseded.");
  watch->callback([which, &chosen] {
    chosen = [which](Session& session) -> Result<int> {
      HL_TRY_ASSIGN(const std::string id, find_rollout(session, *which));
      return watch_rollout(session, id, Lines::each_event);
    };
  });
}

}  // namespace hitless::cli
