#include "gateway/upstream_connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "gateway/exchange.h"
#include "gateway/worker.h"

namespace hitless::gateway {
namespace {

// A full accept queue empties in the time of a few requests.
constexpr Duration k_backlog_wait = std::chrono::milliseconds(10);

}  // namespace

UpstreamConnection::UpstreamConnection(Worker& worker, Endpoint& endpoint, UniqueFd fd)
    : worker_(worker), endpoint_(endpoint), fd_(std::move(fd)), timer_(worker.loop(), *this) {}

UpstreamConnection::~UpstreamConnection() = default;

std::unique_ptr<UpstreamConnection> UpstreamConnection::open(Worker& worker, Endpoint& endpoint) {
  UniqueFd fd(net::open_stream_socket(endpoint.socket_address.family()));
  if (!fd) return nullptr;
  std::unique_ptr<UpstreamConnection> made(new UpstreamConnection(worker, endpoint, std::move(fd)));
  made->connect_by_ = worker.loop().turn() + worker.limits().connect_timeout;
  if (const int error = made->connect(); error != 0) {
    errno = error;
    return nullptr;
  }
  return made;
}

int UpstreamConnection::connect() {
  const net::SocketAddress& to = endpoint_.socket_address;
  const bool local = to.family() == AF_UNIX;
  if (::connect(fd_.get(), &to.any, to.size) != 0) {
    if (local && errno == EAGAIN) {
      waiting_for_backlog_ = true;
      return 0;
    }
    if (errno != EINPROGRESS) return errno;
  }
  waiting_for_backlog_ = false;
  // A Unix socket would report "writable" each time the peer reads; it is asked for when needed.
  watches_writing_ = !local;
  using Interest = net::EventLoop::Interest;
  const auto watched =
      worker_.loop().watch(fd_.get(), *this, local ? Interest::read : Interest::read_write);
  return watched ? 0 : ENOMEM;
}

void UpstreamConnection::attach(Exchange& exchange) {
  exchange_ = &exchange;
  sent_before_ = sent_;
}

void UpstreamConnection::rest(Duration idle_limit) {
  exchange_ = nullptr;
  timer_.set(worker_.loop().turn() + idle_limit);
}

void UpstreamConnection::close() {
  exchange_ = nullptr;
  timer_.clear();
  fd_.reset();
}

ssize_t UpstreamConnection::send(std::string_view bytes) {
  if (waiting_for_backlog_) {
    timer_.set(worker_.loop().turn() + k_backlog_wait);
    errno = EAGAIN;
    return -1;
  }
  const ssize_t taken = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (taken >= 0) {
    connected_ = true;
    sent_ += static_cast<std::uint64_t>(taken);
    return taken;
  }
  if (errno == EAGAIN) {
    if (!watches_writing_) {
      watches_writing_ = true;
      worker_.loop().watch_writing(fd_.get(), *this);
    }
    timer_.set(connected_ ? worker_.loop().turn() + worker_.limits().write_stall_timeout
                          : connect_by_);
    errno = EAGAIN;
  }
  return -1;
}

void UpstreamConnection::read() {
  while (exchange_ != nullptr && readable_ && !exchange_->answer_blocked()) {
    const std::span<char> buffer = worker_.loop().receive_buffer();
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      const auto size = static_cast<std::size_t>(got);
      if (size < buffer.size() && !half_closed_) readable_ = false;
      exchange_->on_answer({buffer.data(), size});
    } else if (got == 0) {
      exchange_->on_upstream_lost(0);
    } else if (errno == EAGAIN) {
      readable_ = false;
    } else if (errno != EINTR) {
      exchange_->on_upstream_lost(errno);
    }
  }
}

Death UpstreamConnection::death(int error) const {
  Death death{.connected = connected_,
              .error = error,
              .answered = !partial_head_.empty(),
              .sent = sent_ - sent_before_,
              .sent_at_once = false,
              .confirmed = std::nullopt};
  if (endpoint_.socket_address.family() != AF_UNIX) {
    if (const auto confirmed = confirmed_bytes(fd_.get()); confirmed.has_value()) {
      death.confirmed = *confirmed > sent_before_ ? *confirmed - sent_before_ : 0;
    }
  }
  return death;
}

void UpstreamConnection::on_ready(net::Ready ready) {
  if (!fd_) return;
  readable_ = readable_ || ready.readable;
  half_closed_ = half_closed_ || ready.half_closed || ready.broken;
  if (exchange_ == nullptr) return on_idle_ready(ready);
  if (ready.writable) exchange_->on_upstream_writable();
  read();
}

// Nothing is due on an idle connection: whatever comes ends it.  What came before it went idle may
// be reported late and is no more there to be read.
void UpstreamConnection::on_idle_ready(net::Ready ready) {
  if (!ready.readable) return;
  if (!half_closed_) {
    char byte = 0;
    const ssize_t got = ::recv(fd_.get(), &byte, 1, MSG_PEEK);
    if (got < 0 && errno == EAGAIN) {
      readable_ = false;
      return;
    }
  }
  endpoint_.closes_idle = true;
  close_idle();
}

void UpstreamConnection::close_idle() {
  std::unique_ptr<UpstreamConnection> self = endpoint_.idle.take(*this);
  close();
  worker_.loop().bury(std::move(self));
}

void UpstreamConnection::on_timer(net::Timer&) {
  if (!fd_) return;
  if (exchange_ == nullptr) return close_idle();
  if (waiting_for_backlog_ && worker_.loop().turn() < connect_by_) return retry_connect();
  exchange_->on_upstream_deadline();
}

void UpstreamConnection::retry_connect() {
  if (const int error = connect(); error != 0) return exchange_->on_upstream_lost(error);
  exchange_->on_upstream_writable();
}

}  // namespace hitless::gateway
