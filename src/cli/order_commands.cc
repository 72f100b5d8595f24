// hitless rollout pause|resume|abort|skip, hitless service rollback|revisions
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <ostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

struct Order {
  std::string service;
  std::string rollout;
  std::string reason;
};

Result<int> give(Session& session, const std::string& verb, const Order& order) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, order.service));
  std::string rollout = order.rollout;
  if (rollout.empty()) {
    HL_TRY_ASSIGN(rollout, newest_rollout(session, path_of(service)));
    if (rollout.empty()) {
      return Error(Code::not_found, fmt::format("service {} has no rollout yet", order.service));
    }
  }
  json::object body;
  if (!order.reason.empty()) body["reason"] = order.reason;
  HL_TRY_ASSIGN(const json::object after,
                session.api.send("POST",
                                 fmt::format("{}/rollouts/{}/{}", path_of(service),
                                             percent_encoded(rollout), verb),
                                 body));
  if (session.json) return print_json(session, after), k_exit_ok;
  session.io.out << fmt::format("{}: {}\n", change_text(after), course_text(after));
  return k_exit_ok;
}

void add_order(CLI::App& group, const char* verb, const char* about, Command& chosen) {
  auto order = std::make_shared<Order>();
  CLI::App* command = group.add_subcommand(verb, about);
  command->add_option("SERVICE", order->service, "Name or id")->required();
  command->add_option("ROLLOUT", order->rollout, "Its id; left out: the newest");
  command->add_option("--reason", order->reason, "Kept with the change for good");
  command->footer(fmt::format("Example: hitless rollout {} speech", verb));
  command->callback([order, name = std::string(verb), &chosen] {
    chosen = [order, name](Session& session) { return give(session, name, *order); };
  });
}

struct Back {
  std::string service;
  std::optional<std::int64_t> to;
  bool wait = false;
};

Result<int> roll_back(Session& session, const Back& back) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, back.service));
  json::object body;
  if (back.to) body["revision"] = *back.to;
  HL_TRY_ASSIGN(const json::object answer,
                session.api.send("POST", path_of(service) + "/rollback", body));
  const std::string rollout = text_or_empty(answer, "rollout_id");
  if (back.wait && !rollout.empty()) return watch_rollout(session, rollout);
  if (session.json) return print_json(session, answer), k_exit_ok;
  session.io.out << rollout << "\n";
  return k_exit_ok;
}

std::string models_of(const json::object& revision) {
  std::string out;
  for (const json::value& value : array_or_empty(revision, "config")) {
    const json::object& entry = value.get_object();
    out += fmt::format("{}{}:{} x{}", out.empty() ? "" : ", ", text_or_empty(entry, "model_name"),
                       text_or_empty(entry, "model_version"), int_or_zero(entry, "instance_count"));
  }
  return out;
}

Result<int> list_revisions(Session& session, const std::string& which) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, which));
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/revisions"));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({">REVISION", "CREATED", "WHO", "CONFIGURATION", "IN USE"});
  for (const json::value& value : array_or_empty(page, "revisions")) {
    const json::object& each = value.get_object();
    std::string uses;
    for (const json::value& use : array_or_empty(each, "uses")) {
      uses.append(uses.empty() ? "" : "; ").append(use.get_string());
    }
    table.add({fmt::format("{}", int_or_zero(each, "revision")),
               human_ago(int_or_zero(each, "created_at"), now_ms()), text_or_empty(each, "who"),
               models_of(each), uses});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

}  // namespace

void add_order_commands(CLI::App& rollout, Command& chosen) {
  add_order(rollout, "pause", "Hold a change: nothing starts or leaves", chosen);
  add_order(rollout, "resume", "Go on after a pause", chosen);
  add_order(rollout, "abort", "Take a change back", chosen);
  add_order(rollout, "skip", "End the bake under way", chosen);
}

void add_revision_commands(CLI::App& service, Command& chosen) {
  auto back = std::make_shared<Back>();
  CLI::App* rollback = service.add_subcommand("rollback", "Back to an earlier configuration");
  rollback->add_option("SERVICE", back->service, "Name or id")->required();
  rollback->add_option("--to", back->to, "Revision; left out: what served before");
  rollback->add_flag("--wait", back->wait, "Watch it to its end and print the report");
  rollback->footer(
      "During a change it is taken back, as `hitless rollout abort` does.\n"
      "Example: hitless service rollback speech --to 3 --wait\n"
      "Exit status with --wait: 0 succeeded, 3 rolled back, 4 failed.");
  rollback->callback(
      [back, &chosen] { chosen = [back](Session& session) { return roll_back(session, *back); }; });

  auto which = std::make_shared<std::string>();
  CLI::App* revisions = service.add_subcommand("revisions", "Configurations it has had");
  revisions->add_option("SERVICE", *which, "Name or id")->required();
  revisions->footer("Example: hitless service revisions speech");
  revisions->callback([which, &chosen] {
    chosen = [which](Session& session) { return list_revisions(session, *which); };
  });
}

}  // namespace hitless::cli
