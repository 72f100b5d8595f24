#include "gateway/door.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

namespace hitless::gateway {
namespace {

// The socket's mode keeps others out already; this holds where the folder's owner changed it.
bool may_enter(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

Result<void> Door::open() {
  if (is_open_) return {};
  HL_TRY(loop_.watch_listener(listener_.get(), *this));
  is_open_ = true;
  return {};
}

void Door::shut() {
  if (is_open_) loop_.forget(listener_.get());
  is_open_ = false;
}

void Door::on_ready(net::Ready) {
  if (!is_open_) return;
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) return;
  if (!may_enter(fd.get())) {
    log_warn("control_refused", {{"reason", "another user"}});
    return;
  }
  on_guest_(std::move(fd));
}

}  // namespace hitless::gateway
