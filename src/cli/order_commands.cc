// hitless rollout pause|resume|abort|skip
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/render_report.h"
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

}  // namespace

void add_order_commands(CLI::App& rollout, Command& chosen) {
  add_order(rollout, "pause", "Hold a change: nothing starts or leaves", chosen);
  add_order(rollout, "resume", "Go on after a pause", chosen);
  add_order(rollout, "abort", "Take a change back", chosen);
  add_order(rollout, "skip", "End the bake under way", chosen);
}

}  // namespace hitless::cli
