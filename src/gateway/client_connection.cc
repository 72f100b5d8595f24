#include "gateway/client_connection.h"

#include <cerrno>

#include "base/check.h"
#include "gateway/exchange.h"
#include "gateway/worker.h"

namespace hitless::gateway {

using net::http1::Fault;
using net::http1::HeadEnd;

namespace {

// What an HTTP/2 connection begins with (RFC 9113 section 3.4); in HTTP/1.1 the beginning of a
// request that nobody sends.
constexpr std::string_view k_http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

ClientConnection::ClientConnection(Worker& worker, net::Channel channel, const std::string& peer)
    : Caller(worker.loop(), *this, peer, valid_token_, channel.encrypted()),
      worker_(worker),
      channel_(std::move(channel)) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::start() {
  using Interest = net::EventLoop::Interest;
  watches_writing_ = is_encrypted() || peer() != "unix:";
  const Interest interest = watches_writing_ ? Interest::read_write : Interest::read;
  if (!worker_.loop().watch(channel_.fd(), *this, interest)) return close();
  timer_.set(worker_.loop().turn() + worker_.limits().head_timeout);
  pump();
}

void ClientConnection::on_ready(net::Ready ready) {
  if (!channel_) return;
  if (ready.broken) return gone();
  half_closed_ = half_closed_ || ready.half_closed;
  // TLS may have waited for room to write before it could read.
  readable_ = readable_ || ready.readable || (is_encrypted() && ready.writable);
  if (ready.writable && has_unsent() && !flush()) return gone();
  if (channel_) pump();
}

void ClientConnection::on_timer(net::Timer&) {
  if (!channel_) return;
  if (lingering_) return close();
  if (has_unsent()) return is_moving() ? void() : stalled();
  if (exchange_ != nullptr) {
    if (exchange_->waits_for_client()) return exchange_->on_client_deadline();
    // It is the instance that is slow to take the body; that has a deadline of its own.
    if (!exchange_->request_done()) expect_body();
    return;
  }
  if (!in_.empty()) return refuse(Cause::request_timeout);
  part();
}

void ClientConnection::part_by(net::Instant deadline) {
  if (!lingering_) timer_.set(deadline);
}

// A request that has come meanwhile is still answered; closing on it would be a reset.
void ClientConnection::part() {
  readable_ = true;
  pump();
  if (channel_ && idle()) linger();
}

// Each of its deadlines was set when the wait began.
std::optional<ClientConnection::Wait> ClientConnection::wait() const {
  const Limits& limits = worker_.limits();
  const net::Instant deadline = timer_.deadline();
  if (!channel_ || deadline == net::k_never) return std::nullopt;
  if (has_unsent()) return Wait{Owed::reading, deadline - limits.write_stall_timeout};
  if (lingering_) return Wait{Owed::head, deadline - limits.linger_timeout};
  if (exchange_ == nullptr) {
    return head_begun_ ? Wait{Owed::head, deadline - limits.head_timeout}
                       : Wait{Owed::next_request, deadline - limits.idle_timeout};
  }
  if (!exchange_->wants_body() || exchange_->tunnel()) return std::nullopt;
  return Wait{Owed::body, deadline - limits.body_stall_timeout};
}

void ClientConnection::give_up() {
  if (exchange_ != nullptr || !in_.empty()) on_timer(timer_);
  if (channel_) gone();
}

bool ClientConnection::wants_input() const {
  if (!channel_) return false;
  if (lingering_) return true;
  if (exchange_ != nullptr) return exchange_->wants_body();
  return !close_when_sent_;
}

void ClientConnection::resume() {
  if (!pumping_) pump();
}

void ClientConnection::pump() {
  if (pumping_) return;
  pumping_ = true;
  if (in_waits_ && wants_input()) take({}, true);
  while (readable_ && !in_waits_ && wants_input()) {
    read_some();
    if (in_waits_ && wants_input()) take({}, true);
  }
  pumping_ = false;
  if (channel_ && half_closed_) check_half_closed();
}

void ClientConnection::read_some() {
  const std::span<char> buffer = worker_.loop().receive_buffer();
  bool drained = false;
  const ssize_t got = channel_.receive(buffer, drained);
  if (got > 0) {
    if (drained && !half_closed_) readable_ = false;
    take({buffer.data(), static_cast<std::size_t>(got)}, false);
  } else if (got == 0) {
    readable_ = false;
    on_end_of_input();
  } else if (errno == EAGAIN) {
    readable_ = false;
  } else if (errno != EINTR) {
    gone();
  }
}

// Uses what can be used now; the rest is kept.
void ClientConnection::take(std::string_view bytes, bool from_kept) {
  in_waits_ = false;
  std::string joined;
  if (from_kept || !in_.empty()) {
    joined = std::move(in_);
    in_.clear();
    joined.append(bytes);
    bytes = joined;
  }
  bool incomplete_head = false;
  while (!bytes.empty() && channel_) {
    if (lingering_) {
      discarded_ += bytes.size();
      if (discarded_ > worker_.limits().discard_bytes_max) return close();
      return;
    }
    if (!wants_input()) break;
    if (exchange_ != nullptr) {
      if (!exchange_->tunnel()) expect_body();
      bytes.remove_prefix(exchange_->on_body(bytes));
      if (exchange_ != nullptr && exchange_->request_done() && !exchange_->waits_for_client() &&
          !has_unsent()) {
        timer_.clear();
      }
      continue;
    }
    const std::size_t used = begin_exchange(bytes);
    if (used == 0) {
      incomplete_head = true;
      break;
    }
    bytes.remove_prefix(used);
  }
  if (!channel_ || bytes.empty()) return;
  in_.assign(bytes);
  in_waits_ = !incomplete_head;
}

// How many bytes it used: the head and what came of its body; 0 while the head is not whole.
std::size_t ClientConnection::begin_exchange(std::string_view bytes) {
  if (begins_ && begins_http2(bytes)) return begin_http2(bytes);
  net::http1::Head& head = worker_.head();
  const Fault fault = take_head(bytes, head);
  if (fault == Fault::incomplete) {
    if (!head_begun_) {
      head_begun_ = true;
      timer_.set(worker_.loop().turn() + worker_.limits().head_timeout);
    }
    return 0;
  }
  begins_ = false;
  if (fault != Fault::none) {
    refuse(cause_of(fault));
    return bytes.size();
  }
  timer_.clear();
  exchange_ = std::make_unique<Exchange>(worker_, *this);
  const std::size_t used = head.size + exchange_->begin(head, bytes.substr(head.size));
  if (exchange_ != nullptr && !exchange_->request_done() && exchange_->wants_body()) {
    expect_body();
  }
  return used;
}

// Most heads come whole and well-formed, and are read in one pass; the others are measured as they
// grow.
Fault ClientConnection::take_head(std::string_view bytes, net::http1::Head& head) {
  const std::size_t size_max = worker_.limits().head_bytes_max;
  if (scanned_ == 0 && net::http1::parse_request(bytes, head) == Fault::none &&
      head.size <= size_max) {
    return Fault::none;
  }
  const HeadEnd end = net::http1::find_head_end(bytes, scanned_);
  if (end.state == HeadEnd::State::incomplete && bytes.size() <= size_max) {
    return Fault::incomplete;
  }
  scanned_ = 0;
  if (end.state == HeadEnd::State::bad) return Fault::bad_request;
  if (end.state == HeadEnd::State::incomplete || end.size > size_max) return Fault::head_too_large;
  return net::http1::parse_request(bytes.substr(0, end.size), head);
}

// Whether these first bytes are those of HTTP/2, as far as they go.  TLS names its protocol.
bool ClientConnection::begins_http2(std::string_view bytes) const {
  return !is_encrypted() && bytes.starts_with("PRI") &&
         k_http2_preface.starts_with(bytes.substr(0, k_http2_preface.size()));
}

std::size_t ClientConnection::begin_http2(std::string_view bytes) {
  if (bytes.size() < k_http2_preface.size()) return 0;
  timer_.clear();
  worker_.loop().forget(channel_.fd());
  worker_.replace(*this, std::move(channel_), peer(), bytes);
  return bytes.size();
}

void ClientConnection::expect_body() {
  timer_.set(worker_.loop().turn() + worker_.limits().body_stall_timeout);
}

void ClientConnection::refuse(Cause cause) {
  exchange_ = std::make_unique<Exchange>(worker_, *this);
  exchange_->refuse(cause);
}

void ClientConnection::on_end_of_input() {
  if (exchange_ == nullptr) return close();
  if (exchange_->tunnel()) return exchange_->on_client_ended();
  if (!exchange_->request_done()) gone();
}

// See Limits::half_close_window.
void ClientConnection::check_half_closed() {
  if (exchange_ == nullptr) {
    if (in_.empty() && !has_unsent() && !readable_) close();
    return;
  }
  if (!exchange_->request_done()) return;
  const Duration since = worker_.loop().turn() - exchange_->request_done_at();
  if (since > worker_.limits().half_close_window) gone();
}

bool ClientConnection::send(std::string_view first, std::string_view second) {
  std::size_t taken = 0;
  if (out_.empty()) {
    const ssize_t sent = channel_.send(first, second);
    if (sent < 0 && errno != EAGAIN) return false;
    taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    if (taken == first.size() + second.size()) return true;
    timer_.set(worker_.loop().turn() + worker_.limits().write_stall_timeout);
    if (!watches_writing_) {
      watches_writing_ = true;
      worker_.loop().watch_writing(channel_.fd(), *this);
    }
  }
  if (taken < first.size()) {
    out_.append(first.substr(taken));
    taken = first.size();
  }
  out_.append(second.substr(taken - first.size()));
  return true;
}

bool ClientConnection::flush() {
  while (out_sent_ < out_.size()) {
    const ssize_t sent = channel_.send(std::string_view(out_).substr(out_sent_));
    if (sent < 0) return errno == EAGAIN;
    out_sent_ += static_cast<std::size_t>(sent);
    timer_.set(worker_.loop().turn() + worker_.limits().write_stall_timeout);
  }
  std::string().swap(out_);
  out_sent_ = 0;
  timer_.clear();
  if (exchange_ != nullptr) {
    if (!exchange_->request_done() && !exchange_->tunnel()) expect_body();
    exchange_->on_client_drained();
  } else if (close_when_sent_) {
    linger();
  }
  return true;
}

void ClientConnection::on_exchange_over(After after) {
  worker_.loop().bury(std::move(exchange_));
  switch (after) {
    case After::next_request:
      if (worker_.draining() && !worker_.leaving()) return linger();
      head_begun_ = false;
      timer_.set(worker_.idle_deadline());
      return pump();
    case After::close:
      // Closing with unread input would reset the connection under the answer.
      return readable_ || !in_.empty() ? linger() : close();
    case After::linger: return linger();
    case After::reset: return close(true);
    case After::abort: return close();
  }
}

void ClientConnection::gone() {
  if (exchange_ != nullptr) return exchange_->on_client_gone();
  close();
}

// The kernel may have been sending all the while without room for more of ours.
bool ClientConnection::is_moving() {
  const Duration limit = worker_.limits().write_stall_timeout;
  const Duration since = channel_.unmoved_for().value_or(limit);
  if (since < limit) timer_.set(worker_.loop().turn() + (limit - since));
  return since < limit;
}

void ClientConnection::stalled() {
  if (exchange_ != nullptr) return exchange_->on_client_stalled();
  close();
}

void ClientConnection::drain() {
  if (idle()) close();
}

void ClientConnection::shut() {
  gone();
}

void ClientConnection::linger() {
  if (lingering_ || !channel_) return;
  if (has_unsent()) {
    close_when_sent_ = true;
    return;
  }
  lingering_ = true;
  in_.clear();
  in_waits_ = false;
  channel_.shut_writing();
  timer_.set(worker_.loop().turn() + worker_.limits().linger_timeout);
  pump();
}

void ClientConnection::close(bool by_reset) {
  if (!channel_) return;
  by_reset ? channel_.reset() : channel_.close();
  timer_.clear();
  worker_.remove(*this);
}

}  // namespace hitless::gateway
