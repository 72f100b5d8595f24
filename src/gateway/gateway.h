// gateway/ - carries requests to instances.
//
// Owns:      listeners, workers, connection pools, leases, counters of what happened.
// May touch: base, model, net, identity.  Never store, pools, control, api.
// Promises:  once usage().adopted >= t.generation, no new request starts on an endpoint absent
//            from t, and its in-flight count can only fall.
// Not here:  health probing (control), deciding who is ready (control).
#pragma once

#include "base/result.h"
#include "gateway/options.h"

namespace hitless::gateway {

// The whole gateway process: listens, attaches control, serves until SIGTERM or control's
// shut_down, then drains and returns.  Call on the main thread; blocks the signals it waits for.
Result<void> run_gateway(const GatewayOptions& options);

}  // namespace hitless::gateway
