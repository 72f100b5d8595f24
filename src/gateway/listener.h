// Accepts connections for one worker.
//
// Owner: its Worker.  Thread: the worker's.  Stops accepting while the worker has all the
// connections it may have, or the process has no descriptors left; the kernel's queue holds the
// others meanwhile.
#pragma once

#include "net/event_loop.h"

namespace hitless::gateway {

class Worker;

class Listener final : public net::Handler {
 public:
  enum class Speaks : bool { plain, tls };
  Listener(Worker& worker, UniqueFd fd, Speaks speaks);

  Result<void> start();
  void stop();      // for good
  void hold_off();  // accepts no more; who comes waits, also for another process that listens here
  void resume();    // there is room again, or the holding off is over

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer& timer) override;

 private:
  void pause();

  Worker& worker_;
  UniqueFd fd_;
  net::Timer timer_;
  const Speaks speaks_;
  bool paused_ = false;
};

}  // namespace hitless::gateway
