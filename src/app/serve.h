// `hitless serve`: the control plane, wired together.
#pragma once

#include "app/options.h"
#include "base/result.h"

namespace hitless::app {

// Serves until SIGTERM or SIGINT.  The gateway and the instances go on running afterwards.
// Call on the main thread before any other thread exists: it blocks the signals it waits for.
Result<void> run_serve(const ServeOptions& options);

}  // namespace hitless::app
