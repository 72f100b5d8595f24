#include "gateway/tls_handshake.h"

#include "base/log.h"
#include "gateway/worker.h"

namespace hitless::gateway {

TlsHandshake::TlsHandshake(Worker& worker, UniqueFd fd, std::string peer,
                           std::shared_ptr<const net::TlsIdentity> identity)
    : worker_(worker),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
      tls_(std::make_unique<net::TlsStream>(std::move(identity), fd_.get())),
      timer_(worker.loop(), *this) {}

TlsHandshake::~TlsHandshake() = default;

void TlsHandshake::start() {
  if (!worker_.loop().watch(fd_.get(), *this, net::EventLoop::Interest::read_write)) {
    return close();
  }
  timer_.set(worker_.loop().turn() + worker_.limits().tls_handshake_timeout);
  go_on();
}

void TlsHandshake::on_ready(net::Ready ready) {
  if (!fd_) return;
  if (ready.broken) return close();
  go_on();
}

void TlsHandshake::go_on() {
  switch (tls_->shake_hands()) {
    case net::TlsStream::Step::again: return;
    case net::TlsStream::Step::failed:
      log_debug("tls_refused", {{"peer", peer_}, {"cause", tls_->why_failed()}});
      return close();
    case net::TlsStream::Step::done: break;
  }
  timer_.clear();
  worker_.loop().forget(fd_.get());
  const bool is_http2 = tls_->speaks_http2();
  net::Channel channel(std::move(fd_), std::move(tls_));
  worker_.replace(*this, std::move(channel), peer_, is_http2);
}

std::optional<Connection::Wait> TlsHandshake::wait() const {
  const net::Instant deadline = timer_.deadline();
  if (!fd_ || deadline == net::k_never) return std::nullopt;
  return Wait{Owed::head, deadline - worker_.limits().tls_handshake_timeout};
}

void TlsHandshake::close() {
  if (!fd_) return;
  timer_.clear();
  tls_.reset();
  fd_.reset();
  worker_.remove(*this);
}

}  // namespace hitless::gateway
