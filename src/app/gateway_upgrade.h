// Replacing the gateway that runs by this program, without a gap: the new process takes over its
// sockets, then the old one ends what it has.  Any thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "app/options.h"
#include "app/state_dir.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"

namespace hitless::app {

struct Upgraded {
  pid_t pid = 0;
  std::string version;
  Address listen;
  pid_t predecessor_pid = 0;
  std::string predecessor_version;
  Duration took{};  // from starting the process to its word that it serves
};

json::value to_json(const Upgraded& upgraded);

// Returns when the new gateway serves; the old one may then still have requests to end. unavailable
// when there is none to take over from, or another replacement is under way for longer than one may
// wait.  `stop`, a descriptor, ends the waiting when it is readable; the new gateway goes on.
Result<Upgraded> upgrade_gateway(const UpgradeOptions& options, const StateDir& state,
                                 int stop = -1);

// Runs the gateway process; what upgrade_gateway() started tells it by options.report_fd.
Result<void> run_gateway_process(const GatewayCommand& options);

}  // namespace hitless::app
