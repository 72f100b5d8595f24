// A Unix socket at which processes of the same user come in: control, or the next gateway.
//
// Owner: the ControlLink.  Thread: the link's.  While it is shut the kernel keeps who comes, and
// whichever process opens its door first lets them in: the socket may be another process's too.
#pragma once

#include <functional>

#include "base/file.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Door final : public net::Handler {
 public:
  using OnGuest = std::function<void(UniqueFd)>;
  Door(net::EventLoop& loop, UniqueFd listener, OnGuest on_guest)
      : loop_(loop), listener_(std::move(listener)), on_guest_(std::move(on_guest)) {}

  Result<void> open();
  void shut();
  int fd() const { return listener_.get(); }

  void on_ready(net::Ready ready) override;

 private:
  net::EventLoop& loop_;
  const UniqueFd listener_;
  const OnGuest on_guest_;
  bool is_open_ = false;
};

}  // namespace hitless::gateway
