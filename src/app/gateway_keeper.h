// The GatewayKeeper sees to it that a gateway process runs, and one of our version: it starts one
// when there is none, and has one of another version replaced.
//
// Owner: serve.  A thread of its own, woken when the link says that the gateway is lost or another.
// The gateway it starts is nobody's child, so it outlives serve.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "app/options.h"
#include "app/state_dir.h"
#include "base/address.h"
#include "base/thread_annotations.h"
#include "gateway/client.h"

namespace hitless::app {

class GatewayKeeper {
 public:
  // `command`: of the gateway to start.
  GatewayKeeper(const StateDir& state, GatewayCommand command);
  ~GatewayKeeper();

  // The link's news: which gateway is attached?  Any thread, does not block.
  void attached(std::optional<gateway::GatewayHello> hello);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  void run();
  bool is_to_be_replaced(const gateway::GatewayHello& hello) const;
  void replace(const gateway::GatewayHello& hello);
  bool ensure_running();  // true when it had to start one

  const StateDir& state_;
  const GatewayCommand command_;
  const UniqueFd stop_;      // readable at the end, for what waits elsewhere than at changed_
  SteadyTime replace_at_{};  // not before; the thread's own

  Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  std::optional<gateway::GatewayHello> attached_ HL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// An error when no gateway runs for `state` and the one to start could not listen on `address`,
// which `flag` names.
Result<void> expect_gateway_can_listen(const Address& address, const std::string& flag,
                                       const StateDir& state);

}  // namespace hitless::app
