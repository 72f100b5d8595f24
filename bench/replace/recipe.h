// How an instance is replaced behind one proxy, as its users do it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "bench/gateway/processes.h"
#include "tests/support/leaving_instances.h"

namespace hitless::bench {

using Routed = tests::LeavingInstances::Routed;

// A proxy that runs from construction to destruction.  One thread.
class Recipe {
 public:
  virtual ~Recipe() = default;

  virtual const Address& address() const = 0;
  // Sends traffic to `routed` and no more to `leaving`; returns when the recipe says that `leaving`
  // can be stopped.
  virtual void reroute(const Routed& routed, const tests::LeavingInstance& leaving) = 0;
};

struct RecipeKind {
  const char* name;
  const char* what;
  std::unique_ptr<Recipe> (*start)(const Routed& routed, const std::filesystem::path& folder);
};
const std::vector<RecipeKind>& recipes();

// ours.cc, nginx.cc, haproxy.cc
std::unique_ptr<Recipe> start_hitless(const Routed& routed, const std::filesystem::path& folder);
std::unique_ptr<Recipe> start_nginx(const Routed& routed, const std::filesystem::path& folder);
std::unique_ptr<Recipe> start_haproxy_reload(const Routed& routed,
                                             const std::filesystem::path& folder);
std::unique_ptr<Recipe> start_haproxy_runtime(const Routed& routed,
                                              const std::filesystem::path& folder);

// What the two peers have in common: a configuration made of a template, and a reload that ends
// when the old workers have gone.
class PeerProcess {
 public:
  // Tries other ports when one is taken meanwhile.  The configuration's values are `values` and
  // listen.
  PeerProcess(std::vector<std::string> argv, std::filesystem::path folder, std::string config_name,
              std::map<std::string, std::string> values);

  const Address& address() const { return address_; }
  void write_config(std::map<std::string, std::string> values) const;
  // Sends the signal; gives up when a worker of before is there after `k_reload_patience`.
  void reload(int signal);

 private:
  const std::filesystem::path folder_;
  const std::string config_name_;
  Address address_;
  std::unique_ptr<Child> child_;
};

}  // namespace hitless::bench
