// The gateway as an object: what run_gateway() runs, and tests run in their own process.
//
// Owner: run_gateway() or a test.  Threads: one per worker and one for the control link; the
// methods belong to the owner's thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "gateway/control_link.h"
#include "gateway/options.h"
#include "gateway/worker.h"

namespace hitless::gateway {

class Gateway {
 public:
  // Listens and attaches whoever comes.  One gateway per control socket: conflict otherwise.
  static Result<std::unique_ptr<Gateway>> start(const GatewayOptions& options);
  ~Gateway();  // stops at once what stop() has not stopped

  const Address& address() const { return address_; }  // with the real port

  // A descriptor that becomes readable when control asks for the end; see shutdown_budget().
  int shutdown_event() const { return shutdown_event_.get(); }
  std::optional<Duration> shutdown_budget() const;

  // Accepts no more, lets what is in flight end within the budget, then ends all threads.
  void stop(Duration budget);

 private:
  Gateway() = default;
  Result<void> listen(const GatewayOptions& options, std::vector<UniqueFd>& listeners);
  Result<void> build(const GatewayOptions& options);
  void run();
  void on_shutdown(Duration budget);
  void join();

  Address address_;
  UniqueFd lock_;
  UniqueFd shutdown_event_;
  mutable Mutex mutex_;
  std::optional<Duration> shutdown_budget_ HL_GUARDED_BY(mutex_);
  std::unique_ptr<ControlLink> link_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::thread link_thread_;
};

}  // namespace hitless::gateway
