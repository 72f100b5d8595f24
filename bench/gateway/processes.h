// Processes that are measured: started on a core of their own, looked at from outside.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hitless::bench {

// A program that runs until its owner is done with it.  SIGTERM ends it, with whatever it started,
// and so does the end of this program, however that comes.
//
// Owner: a Proxy or a measurement.  The thread that starts it must be the one that outlives it.
class Child {
 public:
  // On `core` alone; -1: wherever the kernel likes.  Its output goes to a file.
  Child(std::vector<std::string> argv, const std::filesystem::path& output, int core);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  bool has_ended();
  void signal(int number) const;
  // True: it has ended by itself in time, with status 0.
  bool wait(std::chrono::milliseconds patience);
  std::string output() const;  // the end of it

 private:
  const std::filesystem::path output_;
  pid_t pid_ = 0;
  int status_ = 0;
};

// `pid` and all its descendants.
std::vector<pid_t> tree_of(pid_t pid);

// Time that the processes were on a core, in nanoseconds.  One that has gone adds nothing: the load
// through it has failed then.
std::int64_t cpu_nanos(const std::vector<pid_t>& pids);

// Memory of the processes' own, without what they share with the file system's cache.
std::int64_t private_bytes(const std::vector<pid_t>& pids);

// To what the system allows, for this process and those that it starts.
void raise_descriptor_limit();
std::size_t open_descriptors(const std::vector<pid_t>& pids);

// What the cores did since they were powered on, in seconds.
struct CoreTimes {
  double busy = 0;
  double stolen = 0;  // by other virtual machines
};
std::vector<CoreTimes> core_times();

// The first and the last core that this process may use: for the load and for the proxy.
struct Cores {
  int load = 0;
  int proxy = 0;
};
Cores choose_cores();
void pin_this_process(int core);  // threads that it starts from now on, too

// The cores this thread may use, to go back to.
class AllCores {
 public:
  AllCores();
  void restore() const;

 private:
  cpu_set_t cores_;
};

}  // namespace hitless::bench
