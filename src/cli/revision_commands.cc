// hitless service rollback|revisions
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <ostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_report.h"
#include "cli/revision_text.h"
#include "cli/text.h"
#include "cli/watch.h"

namespace hitless::cli {
namespace {

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
  if (const std::int64_t kept = int_or_zero(answer, "kept_revision"); kept != 0) {
    session.io.out << fmt::format("revision {} is kept for the next start\n", kept);
    return k_exit_ok;
  }
  session.io.out << fmt::format(
      "rollout {0} takes it back; watch it with `hitless rollout watch {0}`\n", rollout);
  return k_exit_ok;
}

struct Revisions {
  std::string service;
  std::optional<std::int64_t> forget;
};

Result<int> delete_revision(Session& session, const json::object& service, std::int64_t number) {
  HL_TRY_ASSIGN(const json::object answer,
                session.api.send("DELETE", fmt::format("{}/revisions/{}", path_of(service), number),
                                 json::value()));
  if (session.json) return print_json(session, answer), k_exit_ok;
  session.io.out << fmt::format("revision {} of {} is deleted; reports of its changes stay\n",
                                number, text_or_empty(service, "service_name"));
  return k_exit_ok;
}

Result<int> list_revisions(Session& session, const Revisions& asked) {
  HL_TRY_ASSIGN(const json::object service, find_service(session, asked.service));
  if (asked.forget) return delete_revision(session, service, *asked.forget);
  HL_TRY_ASSIGN(const json::object page, session.api.get(path_of(service) + "/revisions"));
  if (session.json) return print_json(session, page), k_exit_ok;
  Table table({">REVISION", "CREATED", "WHO", "CONFIGURATION", "CHANGE", "IN USE"});
  const json::array& revisions = array_or_empty(page, "revisions");
  for (std::size_t at = 0; at < revisions.size(); ++at) {
    const json::object& each = revisions[at].get_object();
    std::string uses;
    for (const json::value& use : array_or_empty(each, "uses")) {
      uses.append(uses.empty() ? "" : "; ").append(use.get_string());
    }
    table.add({fmt::format("{}", int_or_zero(each, "revision")),
               human_ago(int_or_zero(each, "created_at"), now_ms()), text_or_empty(each, "who"),
               models_of(each), change_of(revisions, at), uses});
  }
  session.io.out << table.text();
  return k_exit_ok;
}

}  // namespace

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

  auto asked = std::make_shared<Revisions>();
  CLI::App* revisions = service.add_subcommand("revisions", "Configurations it has had");
  revisions->add_option("SERVICE", asked->service, "Name or id")->required();
  revisions->add_option("--delete", asked->forget, "Forget this one; refused while it is in use");
  revisions->footer(
      "Examples:\n"
      "  hitless service revisions speech\n"
      "  hitless service revisions speech --delete 3");
  revisions->callback([asked, &chosen] {
    chosen = [asked](Session& session) { return list_revisions(session, *asked); };
  });
}

}  // namespace hitless::cli
