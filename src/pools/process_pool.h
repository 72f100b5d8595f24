// The process pool: instances are processes of this machine, each the child of a `hitless shim`
// that outlives serve, keeps the log and records the exit status.
//
// Per instance there is a folder <state>/instances/<id>/ with the shim's socket and lock, the
// record of what it runs, its log and, at the end, its exit.  Everything is found again from these
// folders, so a new serve re-adopts what an earlier one started.
#pragma once

#include <functional>
#include <memory>

#include "pools/driver.h"

namespace hitless::pools {

struct ProcessPoolOptions {
  std::filesystem::path directory;   // <state>/instances; made when missing
  std::filesystem::path shim;        // the hitless binary; run as "<shim> shim <folder>"
  std::uint16_t port_first = 20000;  // ports for instances that cannot use a Unix socket;
  std::uint16_t port_last = 29999;   // below the kernel's ephemeral range
  int gpus = 0;  // devices 0, 1, … of this machine, each for one instance at a time; 0: not managed
  std::size_t log_bytes_max = 16 << 20;  // per instance, over the current and one older file
  bool drop_privileges = true;           // when we are root: an unprivileged user per instance
  bool use_cgroups = true;
  Duration keep_logs = std::chrono::hours(1);  // of forgotten instances: why did it fail?
};

// `on_change` is called, on a thread of the pool, whenever observe() would say something new; it
// must not block.
Result<std::unique_ptr<PoolDriver>> open_process_pool(ProcessPoolOptions options,
                                                      std::function<void()> on_change);

// The shim's main: reads <folder>/spec.json, runs it, serves <folder>/shim.sock, exits with 0 once
// the exit is recorded.  Never returns before the instance is gone.
int run_shim(const std::filesystem::path& folder);

}  // namespace hitless::pools
