// A pool driver runs instances in one kind of place: processes, containers, pods.
//
// Level-triggered and idempotent: control says what shall be and looks at what is.  The same
// conformance suite (tests/conformance) runs against every driver.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/service.h"

namespace hitless::pools {

// Everything a driver needs to run one instance; complete, so that it can be run again from it.
struct InstanceSpec {
  model::InstanceId id;
  model::ServiceId service;
  // argv and variables may hold "{port}" (a TCP port on 127.0.0.1) and "{listen}" ("unix:/…" or
  // "127.0.0.1:port"): the driver fills them in.
  std::vector<std::string> command;
  std::map<std::string, std::string> envs;
  std::filesystem::path package;  // read-only; the working directory
  bool listens_on_unix = false;
  model::Resources limits;
};

enum class ProcessState {
  starting,  // the driver is at it
  running,
  exited,
};

struct Observed {
  model::InstanceId id;
  ProcessState state = ProcessState::starting;
  Address address;         // where it listens, from `starting` on
  std::string detail;      // exited: "exit status 1", "killed by signal 9 (out of memory)"
  bool stop_told = false;  // exited or not: ensure_stopped came first
  Time since;              // when this state began
  std::int64_t pid = 0;    // 0 when there is none
};

// Whether it takes one of the pool's TCP ports.
bool wants_port(const InstanceSpec& spec);

// What the pool can hold and what it could not enforce.
struct PoolStatus {
  model::Resources capacity;  // 0 members: not known, of GPUs: none; without ports
  // TCP ports that its instances have or can have; none: not limited.
  std::optional<std::int64_t> ports;
  std::vector<std::string> warnings;  // "memory limits are not enforced: no cgroup write access"
};

class PoolDriver {
 public:
  virtual ~PoolDriver() = default;  // leaves instances running

  // Starts it unless it is running or has exited already: an id runs at most once.  Returns
  // quickly; what follows shows in observe().  Errors: the instance cannot even be tried (no
  // command), naming what to do; exhausted: not now, for want of a port, of disk space.
  virtual Result<void> ensure_running(const InstanceSpec& spec) = 0;

  // SIGTERM to the instance, after `grace` SIGKILL to everything it started.  Harmless when it is
  // unknown or gone.  A shorter grace in a later call wins.
  virtual Result<void> ensure_stopped(const model::InstanceId& id, Duration grace) = 0;

  // Removes what is left of an exited instance (not its log before `keep_logs` ends).  Harmless
  // when unknown; conflict while it runs.
  virtual Result<void> forget(const model::InstanceId& id) = 0;

  // Every instance the pool knows, re-read from the world.
  virtual std::vector<Observed> observe() = 0;

  // The last `bytes_max` bytes of what it wrote to standard output and error.
  virtual Result<std::string> logs(const model::InstanceId& id, std::size_t bytes_max) = 0;

  virtual PoolStatus status() = 0;
};

}  // namespace hitless::pools
