// control/ - makes the world what the store says it shall be.
//
// Owns:      the control loop, health probing, imports, the route tables' contents, reports.
// May touch: base, model, rollout, store, objects, pools(driver.h), gateway(client.h), net.
// Promises:  a change is recorded before anything is done about it, and goes on after kill -9;
//            nothing is routed that has not passed its probe; nothing is stopped that a worker may
//            still send to.
// Not here:  what the right next step is (rollout), HTTP (api).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/engines.h"
#include "control/port.h"
#include "gateway/client.h"
#include "objects/package_cache.h"
#include "pools/driver.h"
#include "store/store.h"

namespace hitless::control {

struct ControlOptions {
  std::vector<std::string> token_digests;  // SHA-256 of each token that may call services
  model::Resources capacity;               // of the public pool; 0 members: as the driver says
  EngineKit engines;
};

// What control works with; all outlive it.
struct ControlParts {
  store::Store& store;
  pools::PoolDriver& pool;
  gateway::GatewayClient& gateway;
  const objects::PackageCache& packages;
  const Clock& clock;
};

// Owner: app.  One thread of its own runs the loop; Port's calls come on any thread.
class Control : public Port {
 public:
  // Reads the store, re-adopts what runs, and starts the loop.
  static Result<std::unique_ptr<Control>> start(ControlOptions options, ControlParts parts);

  // Something may have changed: look again.  Carries no news on purpose.  Any thread.
  virtual void wake() = 0;

  // Ends the loop after the pass under way; instances and gateway go on.  Idempotent.
  virtual void stop() = 0;
};

}  // namespace hitless::control
