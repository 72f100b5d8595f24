// `hitless down`: ends everything that one state directory keeps running.
#pragma once

#include "app/options.h"
#include "base/result.h"

namespace hitless::app {

// serve first, so that nothing is started again; then the instances, by their drain's end at the
// latest; then the gateway.  Works whether or not serve runs, and again after it was interrupted.
// What services shall be is kept: the next `hitless serve` starts them again.
Result<void> run_down(const DownOptions& options);

}  // namespace hitless::app
