// A service, its configuration and its revisions.  Values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "model/ids.h"
#include "model/rollout_policy.h"
#include "model/route.h"
#include "model/traffic_policy.h"

namespace hitless::model {

// Wire words of a service's status (contract: service states).
enum class ServiceStatus {
  deploying,
  waiting,
  pending,
  running,
  concerning,
  failed,
  stopping,
  stopped,
  finished,
  deleting
};

// What one instance may use.  0 means "not limited".
struct Resources {
  std::int64_t cpu_millis = 0;
  std::int64_t memory_mib = 0;
  std::int64_t gpus = 0;
  std::int64_t ports = 0;  // TCP ports of the pool; of plans, where the model is known
  friend bool operator==(const Resources&, const Resources&) = default;
};

// How one entry changes (contract: rolling upgrade).
struct Knobs {
  double max_surge = 1;                        // below 1 a share of the count, else a number
  double max_unavailable = 0;                  // same reading
  Duration grace = std::chrono::seconds(120);  // SIGTERM to SIGKILL
  Duration deploy_timeout = std::chrono::seconds(1200);  // one instance, start to ready
  friend bool operator==(const Knobs&, const Knobs&) = default;
};

// One model version with its share of traffic and its instances.
struct ConfigEntry {
  ModelId model;
  int weight = 100;
  std::string specification;
  Resources resources;  // what the specification (or custom_spec) stands for
  int instance_count = 1;
  std::map<std::string, std::string> envs;
  std::string pool;  // empty: public
  Knobs knobs;
  json::object wire;  // the entry as sent, for answers that must echo it
  friend bool operator==(const ConfigEntry&, const ConfigEntry&) = default;
};

struct ServiceConfig {
  std::vector<ConfigEntry> entries;
  Balance balance = Balance::round_robin;
  RolloutPolicy policy;
  TrafficPolicy traffic;
  friend bool operator==(const ServiceConfig&, const ServiceConfig&) = default;
};

// One immutable state of a service's configuration.
struct Revision {
  ServiceId service;
  RevisionNumber number = 0;
  ServiceConfig config;
  Time created_at;
  std::string who{};  // asked for it; empty: of database version 1
};

struct Service {
  ServiceId id;
  std::string name;
  std::string description;
  std::string infer_type = "real-time";
  ServiceStatus status = ServiceStatus::deploying;
  std::string error;            // cause, when failed
  int progress = 0;             // percent, while deploying
  RevisionNumber revision = 0;  // what serves or is kept for the next start; 0: nothing yet
  RolloutId rollout;            // the one under way; empty: none
  RevisionNumber queued = 0;    // waits for the end of the one under way; 0: nothing does
  Time created_at;
  Time publish_at;      // last release
  Time transition_at;   // last change of status
  Time operation_time;  // last operation
  Time update_time;     // when the present configuration was set
  json::object wire;    // members of the body that answers echo (schedule, priority, …)
  friend bool operator==(const Service&, const Service&) = default;
};

std::string_view to_text(ServiceStatus status);
Result<ServiceStatus> service_status_from_text(std::string_view text);

std::string_view to_wire(Balance balance);  // "ROUND_ROBIN", …
Result<Balance> balance_from_wire(std::string_view text);

json::value to_json(const ServiceConfig& config);  // the store's form; wire members included
Result<ServiceConfig> service_config_from_json(const json::value& value);

// Equal for two entries whose instances are interchangeable: a digest over every field of class
// "replace" (contract: what an update does).  Weight, count and rollout knobs are not in it; grace
// is.
std::string template_digest(const ConfigEntry& entry);

}  // namespace hitless::model
