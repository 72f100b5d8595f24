// What the API asks of control.  The only header of this room that api/ sees.
//
// Any thread.  Each call answers once what it asks for is recorded; the work goes on behind it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/instance.h"
#include "model/model_version.h"
#include "model/plan.h"
#include "model/rollout.h"
#include "model/service.h"
#include "model/usage.h"

namespace hitless::control {

struct NewModel {
  std::string name;
  std::string version;
  std::string type;
  std::string description;
  std::string source_location;
  std::string initial_config;  // text of config.json; wins over the package's own; may be empty
  std::optional<model::WarmUp> warm_up;  // wins over that of config.json; may be none at all
  json::object wire;
};

struct NewService {
  std::string name;
  std::string description;
  std::string infer_type = "real-time";
  model::ServiceConfig config;
  json::object wire;
  std::string who{};  // asks for it
};

// Members that are absent stay as they are.
struct ServiceUpdate {
  std::optional<std::string> description;
  std::optional<std::vector<model::ConfigEntry>> entries;
  std::optional<model::Balance> balance;
  std::optional<model::RolloutPolicy> policy;
  std::optional<model::TrafficPolicy> traffic;
  json::object wire;  // further members to keep and echo (schedule, additional_properties, …)
  std::string who{};  // asks for it

  // And not only what stands beside the configuration.
  bool changes_config() const { return entries || balance || policy || traffic; }
};

// What a user may ask of a rollout under way.
enum class Order {
  pause,   // nothing starts or leaves, its clocks stand still
  resume,  // after a pause
  abort,   // back to what served
  skip,    // the bake under way is long enough
};

struct RolloutOrder {
  model::ServiceId service;
  model::RolloutId rollout;
  Order order = Order::pause;
  std::string who;
  std::string reason;  // may be empty
};

// What another change of the service would meet now.
struct UnderWay {
  model::RolloutId rollout;
  model::Phase phase = model::Phase::planned;
  model::Overlap overlap = model::Overlap::supersede;
};

// Back to an earlier configuration.
struct Rollback {
  model::ServiceId service;
  std::optional<model::RevisionNumber> to;  // none: what served before the present one
  std::string who;
};

// A revision, and what keeps it from being deleted, a clause each.
struct RevisionStatus {
  model::Revision revision;
  std::vector<std::string> uses;
};

// An instance as the user sees it.
struct InstanceStatus {
  model::Instance instance;
  std::string state;   // "starting", "warming", "routed", "draining", "stopping", "gone"
  std::string detail;  // why it is not routed
  std::uint64_t in_flight = 0;
  std::uint64_t streams = 0;           // of those, answers that go on without a stated length
  std::uint64_t connect_failures = 0;  // that the gateway met
  std::uint64_t circuit_opened = 0;    // times
  bool is_circuit_open = false;        // at one of its workers at least
  std::int64_t pid = 0;
  friend bool operator==(const InstanceStatus&, const InstanceStatus&) = default;
};

// What the instances that leave and those that come did for clients since the rollout began, or
// since this serve did.
struct SideTraffic {
  model::Outcomes old_side, new_side;
  friend bool operator==(const SideTraffic&, const SideTraffic&) = default;
};

// What control did since this serve began, and how things stood after its last look.
struct LoopCounts {
  std::uint64_t passes = 0;        // looks at everything
  std::uint64_t store_errors = 0;  // what should have been written and was not
  std::uint64_t probes_passed = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t suspects = 0;  // instances probed at once because the gateway could not reach them
  std::map<std::string, std::uint64_t> services;   // by status
  std::map<std::string, std::uint64_t> rollouts;   // each service's newest, by phase
  std::map<std::string, std::uint64_t> instances;  // by state, as shown
  model::Generation published = 0;
  model::Generation adopted = 0;  // 0: no gateway is attached
};

// Whoever holds one is told of changes.
class Watch {
 public:
  virtual ~Watch() = default;
};

class Port {
 public:
  virtual ~Port() = default;

  // Import goes on in the background; model_status tells.
  virtual Result<model::ModelId> create_model(NewModel model) = 0;
  virtual Result<void> delete_model(const model::ModelId& id) = 0;  // conflict: in use

  virtual Result<model::ServiceId> create_service(NewService service) = 0;
  virtual Result<model::Plan> plan_update(const model::ServiceId& id,
                                          const ServiceUpdate& update) = 0;
  virtual Result<std::optional<UnderWay>> under_way(const model::ServiceId& id) = 0;
  // With the hash of a plan: exactly that plan is accepted, or none.  conflict: the state forbids
  // it (contract: service states), with the state in the text, or the plan does not hold any more,
  // with what moved.
  virtual Result<void> update_service(const model::ServiceId& id, ServiceUpdate update,
                                      std::optional<std::string> plan_hash) = 0;
  // Likewise; conflict, of plans too, where the state forbids it.
  virtual Result<model::Plan> plan_start(const model::ServiceId& id) = 0;
  virtual Result<void> start_service(const model::ServiceId& id, const std::string& who,
                                     const std::optional<std::string>& plan_hash) = 0;
  virtual Result<model::Plan> plan_stop(const model::ServiceId& id) = 0;
  virtual Result<void> stop_service(const model::ServiceId& id, const std::string& who,
                                    const std::optional<std::string>& plan_hash) = 0;
  virtual Result<void> delete_service(const model::ServiceId& id, const std::string& who) = 0;

  // conflict: the rollout's state does not take such an order; the text names it.
  virtual Result<void> steer_rollout(const RolloutOrder& order) = 0;
  // A new revision configured as the one it goes back to; during a rollout to what that one
  // started from, an abort.  invalid: the target cannot be gone back to, conflict: not now.
  virtual Result<void> rollback_service(const Rollback& asked) = 0;

  virtual Result<std::vector<RevisionStatus>> revisions(const model::ServiceId& id) = 0;
  virtual Result<void> delete_revision(const model::ServiceId& id,
                                       model::RevisionNumber number) = 0;  // conflict: in use

  virtual Result<std::vector<InstanceStatus>> instances(const model::ServiceId& id) = 0;
  // Of a rollout under way whose service is watched.
  virtual std::optional<SideTraffic> side_traffic(const model::ServiceId& id) = 0;

  // Calls `on_change` when anything of the service may have changed: its record, its rollout, its
  // instances, what they have in flight, what happened to requests.  It comes on a thread of
  // control's, at any rate, must not block, and carries no news: read again.
  virtual std::unique_ptr<Watch> watch(const model::ServiceId& id,
                                       std::function<void()> on_change) = 0;

  virtual Result<std::string> instance_log(const model::InstanceId& id, std::size_t bytes_max) = 0;

  // Calls and failures since the service was created.
  struct Calls {
    std::uint64_t invocations = 0;
    std::uint64_t failures = 0;
    // Of the calls, refused by the service's traffic policy.
    std::uint64_t rate_limited = 0, concurrency_limited = 0, circuit_open = 0;
  };
  virtual Calls calls(const model::ServiceId& id) = 0;

  virtual LoopCounts counts() const { return {}; }

  // Where services are called, "http://127.0.0.1:1234"; empty while no gateway is attached.
  virtual std::string gateway_url() = 0;
};

}  // namespace hitless::control
