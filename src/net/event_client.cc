#include "net/event_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/socket.h"

namespace hitless::net {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t k_read_bytes = 64 * 1024;

// Outside data must not be able to add fields, or a second request, to ours.
Result<std::string> request_text(const EventCall& call) {
  if (!call.target.starts_with('/') || !is_sendable(call.target)) {
    return Error(Code::invalid, "the target must begin with / and hold no blanks");
  }
  std::string out = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n",
                                call.target, call.to.is_unix() ? "localhost" : to_text(call.to));
  for (const auto& [name, value] : call.headers) {
    if (!http1::is_token(name) ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Error(Code::invalid, fmt::format("header field [{}] is not fit to send", name));
    }
    out.append(name).append(": ").append(value).append("\r\n");
  }
  return out.append("\r\n");
}

Code code_of(int status) {
  switch (status) {
    case 401: return Code::unauthenticated;
    case 403: return Code::forbidden;
    case 404: return Code::not_found;
    case 503: return Code::exhausted;
    default: return Code::internal;
  }
}

bool is_event_stream(const http1::Head& head) {
  return std::any_of(head.fields.begin(), head.fields.begin() + head.field_count,
                     [](const http1::FieldLine& field) {
                       return http1::is_name(field.name, "content-type") &&
                              field.value.starts_with("text/event-stream");
                     });
}

}  // namespace

Result<std::unique_ptr<EventClient>> EventClient::open(EventCall call) {
  const auto until = steady_clock::now() + call.open_timeout;
  HL_TRY_ASSIGN(const SocketAddress to, to_socket_address(call.to));
  UniqueFd fd(open_stream_socket(to.family()));
  if (!fd) return system_error("socket", to_text(call.to), errno);
  std::unique_ptr<EventClient> client(new EventClient(std::move(call), std::move(fd)));
  HL_TRY(client->connect(until));
  HL_TRY(client->ask(until));
  HL_TRY(client->read_head(until));
  HL_TRY(client->take_body());
  return client;
}

Error EventClient::error(Code code, std::string_view text) const {
  return Error(code, fmt::format("reading events from {}: {}", to_text(call_.to), text));
}

Result<bool> EventClient::wait(short events, SteadyTime until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    pollfd waited{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(std::max<long>(0, left.count())));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return system_error("poll", to_text(call_.to), errno);
  }
}

// ---- to the head of the answer

Result<void> EventClient::connect(SteadyTime until) {
  HL_TRY_ASSIGN(const SocketAddress to, to_socket_address(call_.to));
  if (::connect(fd_.get(), &to.any, to.size) == 0) return {};
  // A Unix socket whose backlog is full says EAGAIN: nobody will tell us when it is not.
  if (errno != EINPROGRESS) {
    return error(Code::unavailable, system_error("cannot connect", {}, errno).text());
  }
  HL_TRY_ASSIGN(const bool ready, wait(POLLOUT, until));
  if (!ready) return error(Code::timeout, "no connection in time");
  int failure = 0;
  socklen_t size = sizeof failure;
  (void)::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure == 0) return {};
  return error(Code::unavailable, system_error("cannot connect", {}, failure).text());
}

Result<void> EventClient::ask(SteadyTime until) {
  HL_TRY_ASSIGN(const std::string text, request_text(call_));
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t sent = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      HL_TRY_ASSIGN(const bool ready, wait(POLLOUT, until));
      if (!ready) return error(Code::timeout, "the request is not taken");
    } else if (errno != EINTR) {
      return error(Code::unavailable, system_error("send", {}, errno).text());
    }
  }
  return {};
}

Result<void> EventClient::read_head(SteadyTime until) {
  std::size_t scanned = 0;
  for (;;) {
    const http1::HeadEnd end = http1::find_head_end(read_, scanned);
    if (end.state == http1::HeadEnd::State::complete) return take_head(end.size);
    if (end.state == http1::HeadEnd::State::bad || read_.size() > k_event_head_bytes_max) {
      return error(Code::corrupt, "the answer is no HTTP");
    }
    HL_TRY_ASSIGN(const bool ready, wait(POLLIN, until));
    if (!ready) return error(Code::timeout, "no answer in time");
    HL_TRY_ASSIGN(const std::size_t bytes, read_some());
    if (bytes == 0) return error(Code::unavailable, "the connection was closed before an answer");
  }
}

Result<void> EventClient::take_head(std::size_t size) {
  const auto head = std::make_unique<http1::Head>();
  if (http1::parse_answer(std::string_view(read_).substr(0, size), false, *head) !=
      http1::Fault::none) {
    return error(Code::corrupt, "the answer is no HTTP");
  }
  if (head->status != 200)
    return error(code_of(head->status), fmt::format("HTTP {}", head->status));
  if (!is_event_stream(*head)) return error(Code::corrupt, "the answer is no stream of events");
  body_ = http1::Body(head->framing, head->content_length);
  read_.erase(0, size);
  heard_at_ = steady_clock::now();
  return {};
}

// ---- events

// 0: the other side has closed.  Call it when there is something to read.
Result<std::size_t> EventClient::read_some() {
  const std::size_t before = read_.size();
  read_.resize(before + k_read_bytes);
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), read_.data() + before, k_read_bytes, 0);
  } while (got < 0 && errno == EINTR);
  read_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  if (got >= 0) return static_cast<std::size_t>(got);
  return error(Code::unavailable, system_error("recv", {}, errno).text());
}

Result<void> EventClient::take_body() {
  std::string_view rest = read_;
  Result<void> parsed;
  while (!rest.empty() && !body_.done() && parsed) {
    const http1::Body::Piece piece = body_.next(rest);
    if (piece.state == http1::Body::State::bad) {
      return error(Code::corrupt, "the answer's framing is broken");
    }
    rest.remove_prefix(piece.used);
    parsed = parser_.put(piece.data, [this](Event event) {
      last_id_ = event.id;
      events_.push_back(std::move(event));
    });
  }
  read_.clear();
  ended_ = body_.done();
  return parsed;
}

Result<void> EventClient::on_close() {
  if (!body_.complete_at_close()) return error(Code::unavailable, "the stream was cut");
  ended_ = true;
  return {};
}

Result<std::optional<Event>> EventClient::next(Duration patience) {
  const auto until = steady_clock::now() + patience;
  while (events_.empty() && !ended_) {
    const SteadyTime silent = heard_at_ + call_.silence_max;
    HL_TRY_ASSIGN(const bool ready, wait(POLLIN, std::min(until, silent)));
    if (!ready && steady_clock::now() >= silent) {
      return error(Code::unavailable, "the server has fallen silent");
    }
    if (!ready) return std::optional<Event>();
    HL_TRY_ASSIGN(const std::size_t bytes, read_some());
    heard_at_ = steady_clock::now();
    HL_TRY(bytes == 0 ? on_close() : take_body());
  }
  if (events_.empty()) return std::optional<Event>();
  Event event = std::move(events_.front());
  events_.pop_front();
  return std::optional<Event>(std::move(event));
}

}  // namespace hitless::net
