// The proxies that are compared, each as a process of its own in front of the same instance.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "bench/gateway/processes.h"
#include "bench/gateway/scenarios.h"

namespace hitless::bench {

enum class Kind { hitless, nginx, haproxy };
std::string to_text(Kind kind);
inline constexpr Kind k_kinds[] = {Kind::hitless, Kind::nginx, Kind::haproxy};

struct ProxyOptions {
  Kind kind = Kind::hitless;
  Tuning tuning = Tuning::small;
  Address upstream;
  std::filesystem::path folder;       // of its own; receives configuration, state and output
  int core = -1;                      // -1: any
  std::vector<std::string> launcher;  // words before the program: valgrind and its options
};

// Owner: a measurement.  Listens from construction to destruction; one thread.
class Proxy {
 public:
  virtual ~Proxy() = default;

  virtual const Address& address() const = 0;
  virtual pid_t pid() const = 0;
  virtual std::string output() const = 0;
  // Asks it to end as its users would, and waits: what counts it then writes its file.
  virtual void stop() = 0;

  std::vector<pid_t> pids() const { return tree_of(pid()); }
};

// Returns when it listens and knows its instance.
std::unique_ptr<Proxy> start_proxy(const ProxyOptions& options);

}  // namespace hitless::bench
