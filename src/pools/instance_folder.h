// What the process pool and the shim know of one instance, as files in its folder.
//
// Values and their JSON; any thread.  Who writes what: serve the run record (before the shim
// starts), the shim the start and exit records; serve the exit record only when the shim is dead.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "model/service.h"

namespace hitless::pools {

// <state>/instances/<id>/ and the names in it.
struct InstanceFolder {
  std::filesystem::path path;

  std::filesystem::path spec() const { return path / "spec.json"; }
  std::filesystem::path started() const { return path / "started.json"; }
  std::filesystem::path exit() const { return path / "exit.json"; }
  std::filesystem::path lock() const { return path / "lock"; }  // held by the shim for its life
  std::filesystem::path run() const { return path / "run"; }    // the instance's own; writable
  std::filesystem::path socket() const { return run() / "http.sock"; }
  std::filesystem::path log() const { return path / "log"; }
  std::filesystem::path old_log() const { return path / "log.1"; }
  std::filesystem::path shim_log() const { return path / "shim.log"; }
};

inline constexpr const char* k_shim_socket = "shim.sock";  // in the folder; see unix_socket.h

// spec.json: all the shim needs; placeholders are filled in.
struct RunRecord {
  model::InstanceId id;
  model::ServiceId service;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  // the whole of it
  std::filesystem::path package;
  Address address;
  std::uint16_t port = 0;  // taken from the pool's range; 0: none
  std::vector<int> gpus;   // taken from the pool's devices
  model::Resources limits;
  std::optional<uid_t> user;  // uid and gid to run as; absent: the shim's
  std::string cgroup;         // name below the controllers' roots; empty: no cgroups
  std::size_t log_bytes_max = 0;
  std::string boot;  // of the machine when it was written
  Time created_at;
  std::vector<std::string> warnings;
};

// started.json: written while the child still waits for its first instruction.
struct StartRecord {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // with the pid, names a process for good within one boot
  pid_t shim_pid = 0;
};

// exit.json: its being there means that the instance is over.
struct ExitRecord {
  std::optional<int> status;
  std::optional<int> signal;
  std::string error;  // never ran, or nobody saw its end: why
  bool out_of_memory = false;
  bool stop_told = false;
  Time at;
};

// For people: "exit status 1", "killed by signal 9 (out of memory, limit 64 MiB)".
std::string describe(const ExitRecord& record, const model::Resources& limits);

Result<void> write_record(const InstanceFolder& folder, const RunRecord& record);
Result<void> write_record(const InstanceFolder& folder, const StartRecord& record);
Result<void> write_record(const InstanceFolder& folder, const ExitRecord& record);

Result<RunRecord> read_run_record(const InstanceFolder& folder);
Result<StartRecord> read_start_record(const InstanceFolder& folder);
Result<ExitRecord> read_exit_record(const InstanceFolder& folder);  // not_found while it runs

// So that it outlasts a crash of the machine; may wait for the disk.
void sync_exit_record(const InstanceFolder& folder);

// The kernel's name for this boot of the machine.
std::string boot_id();

}  // namespace hitless::pools
