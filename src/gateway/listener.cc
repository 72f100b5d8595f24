#include "gateway/listener.h"

#include <sys/socket.h>

#include <cerrno>

#include "gateway/exhaustion.h"
#include "gateway/worker.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

// So many at once, so that a burst of new connections does not starve the others.
constexpr int k_accepts_per_event = 64;
// Descriptors come back when some connection closes; nothing tells us when.
constexpr Duration k_exhausted_wait = std::chrono::milliseconds(50);

}  // namespace

Listener::Listener(Worker& worker, UniqueFd fd, Speaks speaks)
    : worker_(worker), fd_(std::move(fd)), timer_(worker.loop(), *this), speaks_(speaks) {}

Result<void> Listener::start() {
  return worker_.loop().watch_listener(fd_.get(), *this);
}

// Closing alone would not end the watching while another process has the same socket.
void Listener::stop() {
  hold_off();
  fd_.reset();
}

void Listener::hold_off() {
  timer_.clear();
  pause();
}

void Listener::pause() {
  if (paused_ || !fd_) return;
  paused_ = true;
  worker_.loop().forget(fd_.get());
}

void Listener::resume() {
  if (!paused_ || !fd_) return;
  paused_ = false;
  if (!start()) {
    paused_ = true;
    timer_.set(worker_.loop().turn() + k_exhausted_wait);
  }
}

void Listener::on_timer(net::Timer&) {
  resume();
}

void Listener::on_ready(net::Ready) {
  // What is told of one that has been paused in this turn is for another process, or for later.
  for (int i = 0; i < k_accepts_per_event && fd_ && !paused_; ++i) {
    if (worker_.is_full() && !worker_.make_room()) {
      // Some client will have been waited for for long enough soon.
      pause();
      timer_.set(worker_.loop().turn() + k_exhausted_wait);
      return;
    }
    net::SocketAddress peer;
    peer.size = sizeof peer.storage;
    UniqueFd accepted(::accept4(fd_.get(), &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) {
      if (speaks_ == Speaks::tls) {
        worker_.accepted_tls(std::move(accepted), net::peer_text(peer));
      } else {
        worker_.accepted(std::move(accepted), net::peer_text(peer));
      }
      continue;
    }
    if (is_exhaustion(errno)) {
      if (worker_.make_room()) continue;
      pause();
      timer_.set(worker_.loop().turn() + k_exhausted_wait);
      return;
    }
    if (errno == EAGAIN) return;
    // Anything else is that one connection's end before it was accepted.
  }
}

}  // namespace hitless::gateway
