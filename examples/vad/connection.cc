#include "examples/vad/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "net/socket.h"

namespace hitless::vad {
namespace {

// An answer takes a millisecond; one that needs this long will not come.
constexpr int k_patience_ms = 30'000;
constexpr std::size_t k_read_bytes = std::size_t{16} * 1024;

// False after k_patience_ms.
bool wait_for(int fd, short events) {
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wanted, 1, k_patience_ms) > 0;
}

}  // namespace

std::string_view to_text(Ending ending) {
  switch (ending) {
    case Ending::answered: return "answered";
    case Ending::refused: return "refused";
    case Ending::reset: return "reset";
    case Ending::truncated: return "truncated";
    case Ending::malformed: return "malformed";
    case Ending::timed_out: return "timed_out";
  }
  return "";
}

Exchange Connection::ask(std::string_view body) {
  std::string detail;
  if (!socket_ && !connect(detail)) {
    socket_.reset();
    return {.ending = Ending::refused, .detail = std::move(detail)};
  }
  std::string text = fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
      target_.path, target_.host, body.size());
  if (!target_.token.empty()) text += fmt::format("X-Auth-Token: {}\r\n", target_.token);
  text.append("\r\n").append(body);
  write(text);  // when it fails there may be an answer that says why
  Exchange exchange = read_answer();
  if (exchange.ending != Ending::answered) {
    socket_.reset();
    bytes_.clear();
  }
  return exchange;
}

bool Connection::connect(std::string& detail) {
  const Result<net::SocketAddress> to = net::to_socket_address(target_.to);
  if (!to) {
    detail = to.error().text();
    return false;
  }
  socket_.reset(net::open_stream_socket(to->family()));
  int error = 0;
  if (!socket_ || ::connect(socket_.get(), &to->any, to->size) != 0) error = errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    error = ETIMEDOUT;
    if (wait_for(socket_.get(), POLLOUT)) {
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  if (error == 0) return true;
  detail = fmt::format("connecting to {}: {}", to_text(target_.to), std::strerror(error));
  return false;
}

bool Connection::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !wait_for(socket_.get(), POLLOUT)) {
      return false;
    }
  }
  return true;
}

Connection::Got Connection::read() {
  if (!wait_for(socket_.get(), POLLIN)) return Got::nothing_in_time;
  char bytes[k_read_bytes];
  const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (got == 0) return Got::end;
  error_ = errno;
  if (got < 0) return error_ == EAGAIN ? Got::bytes : Got::error;
  bytes_.append(bytes, static_cast<std::size_t>(got));
  return Got::bytes;
}

Exchange Connection::ended_by(Got got) {
  if (got == Got::nothing_in_time) {
    return {.ending = Ending::timed_out, .detail = "no answer in 30 s"};
  }
  return {.ending = bytes_.empty() ? Ending::reset : Ending::truncated,
          .detail = got == Got::end ? "the connection was closed" : std::strerror(error_)};
}

Exchange Connection::read_answer() {
  std::size_t scanned = 0;
  for (;;) {
    const net::http1::HeadEnd end = net::http1::find_head_end(bytes_, scanned);
    if (end.state == net::http1::HeadEnd::State::complete) {
      const std::string_view head = std::string_view(bytes_).substr(0, end.size);
      if (net::http1::parse_answer(head, false, head_) == net::http1::Fault::none) break;
    }
    if (end.state != net::http1::HeadEnd::State::incomplete) {
      return {.ending = Ending::malformed, .detail = bytes_.substr(0, 200)};
    }
    if (const Got got = read(); got != Got::bytes) return ended_by(got);
  }
  Exchange exchange;
  exchange.status = head_.status;
  for (std::size_t i = 0; i < head_.field_count; ++i) {
    const net::http1::FieldLine& field = head_.fields[i];
    if (net::http1::same_text(field.name, "x-hitless-revision")) exchange.revision = field.value;
  }
  return read_body(std::move(exchange));
}

// The head's views end here: the bytes behind it move to the front.
Exchange Connection::read_body(Exchange exchange) {
  using State = net::http1::Body::State;
  net::http1::Body body(head_.framing, head_.content_length);
  bytes_.erase(0, head_.size);
  while (!body.done()) {
    const net::http1::Body::Piece piece = body.next(bytes_);
    exchange.body.append(piece.data);
    bytes_.erase(0, piece.used);
    if (piece.state == State::bad) {
      return {.ending = Ending::malformed, .status = exchange.status, .detail = "bad framing"};
    }
    if (body.done() || (piece.used > 0 && !bytes_.empty())) continue;
    const Got got = read();
    if (got == Got::end && body.complete_at_close()) break;
    if (got == Got::bytes) continue;
    Exchange cut = ended_by(got);
    if (cut.ending == Ending::reset) cut.ending = Ending::truncated;  // the head had come
    return cut;
  }
  if (!head_.keep_alive || head_.framing == net::http1::Framing::until_close) {
    socket_.reset();
    bytes_.clear();
  }
  return exchange;
}

}  // namespace hitless::vad
