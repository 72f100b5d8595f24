// The benchmark's hand on our gateway: attaches to its control link and publishes route tables.
//
// Owner: a measurement.  One thread; the link has one of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "gateway/client.h"

namespace hitless::bench {

inline constexpr const char* k_service = "3f2c8a54-7d1e-4b60-9a3c-5e8d1f0b2c47";
inline constexpr const char* k_token = "bench-0123456789abcdef0123456789abcdef";

// One revision with these instances gets everything.
model::ServiceRoute route_to(const std::string& service, std::vector<model::Endpoint> endpoints);

class Link {
 public:
  explicit Link(const std::filesystem::path& control_socket);
  ~Link();

  // Where the gateway listens; waits until it is attached.
  Address attach(std::chrono::seconds patience);
  // Waits until every worker uses the table.  The time that took.
  std::chrono::nanoseconds adopt(std::vector<model::SharedRoute> services);
  // Waits until nothing is in flight to an instance that is in the table no more.
  void wait_until_drained(const std::string& instance);

 private:
  template <typename Condition>
  bool wait(std::chrono::seconds patience, Condition holds);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<gateway::GatewayClient> client_;
  model::Generation generation_ = 0;
};

}  // namespace hitless::bench
