// The commands by what they are about.  Each function adds its subcommands to `app`; when the
// command line names one of them, `chosen` becomes its work.
#pragma once

#include "cli/session.h"

namespace CLI {
class App;
}

namespace hitless::cli {

void add_model_commands(CLI::App& app, Command& chosen);
void add_service_commands(CLI::App& app, Command& chosen);
void add_change_commands(CLI::App& service, Command& chosen);    // service create, update, plan
void add_revision_commands(CLI::App& service, Command& chosen);  // service rollback, revisions
void add_order_commands(CLI::App& rollout, Command& chosen);     // rollout pause, resume, …
void add_rollout_commands(CLI::App& app, Command& chosen);
void add_predict_command(CLI::App& app, Command& chosen);

}  // namespace hitless::cli
