#include "bench/gateway/load_client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace hitless::bench {
namespace {

// Of a larger answer no more than this is read with its head, and the rest is never copied.
constexpr std::size_t k_small_bytes = 4096;

net::SocketAddress socket_address_of(const Address& proxy) {
  auto address = net::to_socket_address(proxy);
  HL_CHECK(address);
  return *address;
}

}  // namespace

LoadClient::LoadClient(Load& load, const Address& proxy)
    : load_(load), proxy_(socket_address_of(proxy)) {
  if (!load_.shape().is_fresh) open();
}

void LoadClient::open() {
  fd_.reset(net::open_stream_socket(proxy_.family()));
  if (!fd_) return load_.fail(fmt::format("no socket: {}", std::strerror(errno)));
  if (::connect(fd_.get(), &proxy_.any, proxy_.size) != 0 && errno != EINPROGRESS) {
    return load_.fail(fmt::format("cannot connect: {}", std::strerror(errno)));
  }
  load_.poller().watch(fd_.get(), *this);
}

void LoadClient::ask(Clock::time_point now) {
  if (state_ != State::idle || now < not_before_ || !load_.may_ask()) return;
  began_ = now;
  if (load_.shape().is_fresh) open();
  has_first_byte_ = false;
  state_ = State::writing;
  unsent_ = load_.request();
  write_on();
}

void LoadClient::on_ready(std::uint32_t events) {
  if (state_ == State::writing) write_on();
  const bool has_end = is_end(events);
  while (fd_ && read_some(has_end)) {
  }
}

void LoadClient::write_on() {
  while (fd_ && !unsent_.empty()) {
    const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == ENOTCONN) return;
      return load_.fail(fmt::format("cannot send: {}", std::strerror(errno)));
    }
    unsent_.remove_prefix(static_cast<std::size_t>(sent));
  }
  state_ = State::head;
}

// False: there is no more at the moment.
bool LoadClient::read_some(bool has_end) {
  const bool is_skipping = state_ == State::body && body_left_ > 0;
  const bool is_head_alone = !is_skipping && load_.shape().answer_bytes > k_small_bytes;
  const std::size_t room = is_skipping     ? std::min<std::size_t>(body_left_, Load::k_buffer_bytes)
                           : is_head_alone ? k_small_bytes
                                           : Load::k_buffer_bytes;
  const ssize_t got = ::recv(fd_.get(), load_.buffer(), room, is_skipping ? MSG_TRUNC : 0);
  if (got < 0 && (errno == EAGAIN || errno == ENOTCONN)) return false;
  if (got <= 0) {
    on_end();
    return false;
  }
  if (is_skipping) {
    take_body(static_cast<std::size_t>(got));
  } else {
    take({load_.buffer(), static_cast<std::size_t>(got)});
  }
  return static_cast<std::size_t>(got) == room || has_end || state_ == State::closing;
}

void LoadClient::take(std::string_view bytes) {
  switch (state_) {
    case State::writing:
    case State::head: return take_head(bytes);
    case State::body: return load_.shape().is_stream ? take_events(bytes) : take_body(bytes.size());
    case State::idle:
    case State::closing: return load_.fail("bytes after an answer");
  }
}

void LoadClient::take_head(std::string_view bytes) {
  if (!has_first_byte_) {
    has_first_byte_ = true;
    load_.first_byte(began_, Clock::now());
  }
  if (!carried_.empty()) bytes = carried_.append(bytes);
  const auto head = read_head(bytes);
  if (!head) {
    if (carried_.empty()) carried_ = bytes;
    return;
  }
  if (head->status != 200) {
    return load_.fail(fmt::format("another answer than 200: {}", bytes.substr(0, 300)));
  }
  bytes.remove_prefix(head->bytes);
  state_ = State::body;
  begin_body(*head, bytes);
  carried_.clear();
}

void LoadClient::begin_body(const Head& head, std::string_view rest) {
  if (load_.shape().is_stream) {
    if (!head.is_chunked) return load_.fail("a stream that is not chunked");
    return take_events(rest);
  }
  if (head.length != load_.shape().answer_bytes) return load_.fail("an answer of another length");
  body_left_ = load_.shape().answer_bytes;
  take_body(rest.size());
}

void LoadClient::take_body(std::size_t bytes) {
  if (bytes > body_left_) return load_.fail("bytes after an answer");
  body_left_ -= bytes;
  if (body_left_ == 0) end_request();
}

void LoadClient::take_events(std::string_view bytes) {
  if (!chunks_.feed(bytes, events_)) return load_.fail("a stream that is no chunked body");
  while (events_.size() >= k_event_bytes) {
    const auto nanos = nanos_of(std::string_view(events_).substr(0, k_event_bytes));
    if (!nanos) return load_.fail("an event that is none of ours");
    events_.erase(0, k_event_bytes);
    ++units_;
    load_.unit_ended(Clock::time_point(std::chrono::nanoseconds(*nanos)), Clock::now());
  }
}

// The proxy closes first: the side that does keeps the address occupied for a minute.
void LoadClient::end_request() {
  const Clock::time_point now = Clock::now();
  ++units_;
  load_.unit_ended(began_, now);
  if (load_.shape().is_fresh) {
    state_ = State::closing;
    return;
  }
  state_ = State::idle;
  not_before_ = now + load_.shape().pause;
  ask(now);
}

void LoadClient::on_end() {
  fd_.reset();
  if (state_ != State::closing) return load_.fail("the proxy closed a connection");
  state_ = State::idle;
  ask(Clock::now());
}

}  // namespace hitless::bench
