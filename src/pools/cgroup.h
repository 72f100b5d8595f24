// One instance's control groups: limits, kills and out-of-memory counts, by writing the kernel's
// files; version 1 (each controller mounted alone), version 2 (one tree) and machines with both.
//
// CgroupLayout is a value: where the controllers are.  Cgroup is one name in them, made by the
// shim, removed by it or, after its death, by serve.  No state but the names; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/service.h"

namespace hitless::pools {

struct CgroupLayout {
  // Mount points of the version 1 controllers; empty: not there in version 1.
  std::filesystem::path memory;
  std::filesystem::path cpu;
  std::filesystem::path pids;
  // The version 2 tree, and which of the three it can give us.
  std::filesystem::path unified;
  bool unified_memory = false;
  bool unified_cpu = false;
  bool unified_pids = false;

  // Of this machine: from /proc/self/mountinfo.
  static CgroupLayout of_machine();
  static CgroupLayout from_mounts(std::string_view mountinfo);

  // What cannot be enforced, for people; empty when all can.  Tries to write.
  std::vector<std::string> probe() const;
};

class Cgroup {
 public:
  // `name` is a path below each controller's root: "hitless/<instance>".
  Cgroup(CgroupLayout layout, std::string name)
      : layout_(std::move(layout)), name_(std::move(name)) {}

  // Makes it and sets the limits (and one on the number of tasks).  Returns what could not be
  // enforced; what could is.
  std::vector<std::string> create(const model::Resources& limits) const;

  // Moves a process, which then starts no child outside.
  void add(pid_t pid) const;

  std::vector<pid_t> members() const;
  std::int64_t out_of_memory_kills() const;

  // True when nothing of it is left.  False: tasks are still in it; kill and try again.
  bool remove() const;

 private:
  struct Part {
    std::filesystem::path root;
    bool memory, cpu, pids, unified;
  };
  std::vector<Part> parts() const;
  Result<void> make(const Part& part) const;
  void limit(const Part& part, const model::Resources& limits,
             std::vector<std::string>& refused) const;

  CgroupLayout layout_;
  std::string name_;
};

// What this process may use at most: the machine, or less when it runs in a limited group.
model::Resources machine_capacity(const CgroupLayout& layout);

}  // namespace hitless::pools
