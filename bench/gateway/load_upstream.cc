#include "bench/gateway/load_upstream.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "bench/gateway/message.h"
#include "net/socket.h"

namespace hitless::bench {

class UpstreamConnection final : public Pollable {
 public:
  UpstreamConnection(Load& load, LoadUpstream& upstream, UniqueFd fd)
      : load_(load), upstream_(upstream), fd_(std::move(fd)) {
    load_.poller().watch(fd_.get(), *this);
  }

  std::size_t index = 0;  // LoadUpstream's own

  void on_ready(std::uint32_t events) override {
    if (fd_ && unsent_ > 0) write_on();
    const bool has_end = is_end(events);
    while (fd_ && read_some(has_end)) {
    }
  }

  // An event goes out whole or the stream is broken: it is far smaller than the socket's room.
  // One that is closed already is about to be removed; its client says whether that was right.
  void send_event(std::string_view chunk) {
    const ssize_t sent = ::send(fd_.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    const bool is_closed = sent < 0 && (errno == EPIPE || errno == ECONNRESET);
    if (sent != static_cast<ssize_t>(chunk.size()) && !is_closed) {
      load_.fail("the instance cannot send an event");
    }
  }

 private:
  // False: there is no more at the moment.
  bool read_some(bool has_end) {
    const bool is_skipping = body_left_ > 0 && !load_.shape().is_unix;
    const std::size_t room = is_skipping ? std::min<std::size_t>(body_left_, Load::k_buffer_bytes)
                                         : Load::k_buffer_bytes;
    const ssize_t got = ::recv(fd_.get(), load_.buffer(), room, is_skipping ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
      upstream_.remove(*this);
      fd_.reset();
      return false;
    }
    if (is_skipping) {
      skip(static_cast<std::size_t>(got));
    } else {
      take({load_.buffer(), static_cast<std::size_t>(got)});
    }
    return static_cast<std::size_t>(got) == room || has_end || body_left_ > 0;
  }

  void skip(std::size_t bytes) {
    body_left_ -= bytes;
    if (body_left_ == 0) answer();
  }

  void take(std::string_view bytes) {
    if (body_left_ > 0) {
      const auto part = std::min<std::size_t>(body_left_, bytes.size());
      bytes.remove_prefix(part);
      skip(part);
    }
    if (bytes.empty()) return;
    if (!carried_.empty()) bytes = carried_.append(bytes);
    const auto head = read_head(bytes);
    if (!head) {
      if (carried_.empty()) carried_ = bytes;
      return;
    }
    if (head->is_chunked) return load_.fail("the proxy sends a chunked request");
    const std::size_t body = bytes.size() - head->bytes;
    carried_.clear();
    begin_body(head->length.value_or(0), body);
  }

  // `come`: bytes of the body that came with its head.
  void begin_body(std::uint64_t length, std::size_t come) {
    if (come > length) return load_.fail("the proxy pipelines requests");
    body_left_ = length - come;
    if (body_left_ == 0) answer();
  }

  void answer() {
    load_.arrived();
    if (load_.shape().is_unanswered) return;
    unsent_ += load_.answer().size();
    write_on();
    if (load_.shape().is_stream) upstream_.begin_stream(*this);
  }

  void write_on() {
    const std::string_view text = load_.answer();
    while (unsent_ > 0) {
      const std::size_t left = (unsent_ - 1) % text.size() + 1;  // of the answer under way
      const ssize_t sent = ::send(fd_.get(), text.data() + text.size() - left, left, MSG_NOSIGNAL);
      if (sent < 0) return;
      unsent_ -= static_cast<std::size_t>(sent);
    }
  }

  Load& load_;
  LoadUpstream& upstream_;
  UniqueFd fd_;
  std::string carried_;  // of a head that is not whole yet
  std::uint64_t body_left_ = 0;
  std::size_t unsent_ = 0;
};

namespace {

Address address_in(const Shape& shape, const std::filesystem::path& folder) {
  if (shape.is_unix) return {.host = {}, .port = 0, .path = folder / "instance.sock"};
  return {.host = "127.0.0.1", .port = 0, .path = {}};
}

}  // namespace

LoadUpstream::LoadUpstream(Load& load, const std::filesystem::path& folder) : load_(load) {
  const Address wanted = address_in(load.shape(), folder);
  // Whoever runs the proxy may be another user than we are.
  auto listener = net::listen_on(wanted, 0666);
  HL_CHECK(listener);
  listener_ = std::move(*listener);
  auto address = net::local_address(listener_.get(), wanted);
  HL_CHECK(address);
  address_ = std::move(*address);
  load_.poller().watch(listener_.get(), *this);
}

LoadUpstream::~LoadUpstream() {
  if (address_.is_unix()) ::unlink(address_.path.c_str());
}

void LoadUpstream::on_ready(std::uint32_t) {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        load_.fail(fmt::format("the instance cannot accept: {}", std::strerror(errno)));
      }
      return;
    }
    connections_.push_back(std::make_unique<UpstreamConnection>(load_, *this, std::move(fd)));
    UpstreamConnection& connection = *connections_.back();
    connection.index = connections_.size() - 1;
    connection.on_ready(0);
  }
}

void LoadUpstream::remove(UpstreamConnection& connection) {
  const auto stream = std::find(streams_.begin(), streams_.end(), &connection);
  if (stream != streams_.end()) streams_.erase(stream);
  const std::size_t index = connection.index;
  load_.poller().bury(std::move(connections_[index]));
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
}

void LoadUpstream::send_events(std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    const auto nanos = Clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    streams_[i]->send_event(
        fmt::format("{:x}\r\n{}\r\n", k_event_bytes, event_of(static_cast<std::uint64_t>(nanos))));
  }
}

void LoadUpstream::beat(Clock::time_point now) {
  if (streams_.empty() || now < due_) return;
  // A beat that comes late is not made up for: that would be a burst.
  due_ = std::max(due_, now - load_.shape().interval);
  if (load_.shape().is_spread) {
    next_stream_ = next_stream_ + 1 < streams_.size() ? next_stream_ + 1 : 0;
    due_ += load_.shape().interval / static_cast<std::int64_t>(streams_.size());
    return send_events(next_stream_, next_stream_ + 1);
  }
  due_ += load_.shape().interval;
  send_events(0, streams_.size());
}

}  // namespace hitless::bench
