// The commands that run on this machine itself, as hooks for the command line (cli/cli.h).
#pragma once

#include "cli/cli.h"

namespace hitless::app {

cli::Hooks app_hooks();

}  // namespace hitless::app
