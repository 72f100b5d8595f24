// gateway/ - carries requests to instances.
//
// Owns:      listeners, workers, connection pools, leases, counters of what happened.
// May touch: base, model, net, identity.  Never store, pools, control, api.
// Promises:  once usage().adopted >= t.generation, no new request starts on an endpoint absent
//            from t, and its in-flight count can only fall.
// Not here:  health probing (control), deciding who is ready (control).
#pragma once

#include <functional>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "gateway/options.h"

namespace hitless::gateway {

// The whole gateway process: listens, attaches control, serves until SIGTERM or control's
// shut_down, then drains and returns; or until another gateway has taken its place and nothing is
// in progress here any more.  Call on the main thread; blocks the signals it waits for.
//
// `on_serving` is called once it serves.
struct Serving {
  Address listen;
  pid_t predecessor_pid = 0;  // 0: it took no other's place
  std::string predecessor_version;
};
Result<void> run_gateway(const GatewayOptions& options,
                         const std::function<void(const Serving&)>& on_serving = {});

}  // namespace hitless::gateway
