// The GatewayKeeper sees to it that a gateway process runs: it attaches to the one that is there
// and starts one when there is none.
//
// Owner: serve.  A thread of its own, woken when the link says that the gateway is lost.  The
// gateway it starts is nobody's child, so it outlives serve.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/state_dir.h"
#include "base/address.h"
#include "base/thread_annotations.h"

namespace hitless::app {

class GatewayKeeper {
 public:
  // `arguments`: of `hitless gateway`, without the command's name.
  GatewayKeeper(const StateDir& state, std::vector<std::string> arguments);
  ~GatewayKeeper();

  // The link's news: is a gateway attached?  Any thread, does not block.
  void attached(bool is_attached);

 private:
  void run();
  bool ensure_running();  // true when it had to start one

  const StateDir& state_;
  const std::vector<std::string> arguments_;

  Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ HL_GUARDED_BY(mutex_) = false;
  bool attached_ HL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// An error when no gateway runs for `state` and the one to start could not listen on `address`.
Result<void> expect_gateway_can_listen(const Address& address, const StateDir& state);

// Starts `hitless <arguments>` detached from this process, its output appended to `log`.
Result<void> start_detached(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log);

}  // namespace hitless::app
