#include "gateway/frame_connection.h"

#include <sys/socket.h>

#include <cerrno>

namespace hitless::gateway {
namespace {

// A peer that does not read for so long that this much waits is of no use.
constexpr std::size_t k_unsent_bytes_max = 4 * k_frame_bytes_max;

}  // namespace

FrameConnection::FrameConnection(net::EventLoop& loop, UniqueFd fd, Calls calls)
    : loop_(loop), fd_(std::move(fd)), calls_(std::move(calls)) {}

Result<void> FrameConnection::start() {
  return loop_.watch(fd_.get(), *this, net::EventLoop::Interest::read_write);
}

void FrameConnection::close() {
  loop_.close(fd_);
}

void FrameConnection::end(const Error& error) {
  if (!fd_) return;
  loop_.close(fd_);
  calls_.on_end(error);
}

void FrameConnection::send(const json::value& message) {
  if (!fd_) return;
  out_.append(encode_frame(message));
  if (out_.size() - out_sent_ > k_unsent_bytes_max) {
    return end(Error(Code::exhausted, "the other end of the control link does not read"));
  }
  flush();
}

void FrameConnection::flush() {
  while (fd_ && out_sent_ < out_.size()) {
    const ssize_t sent =
        ::send(fd_.get(), out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    // What the other end said before it left is still to be read; its end comes after that.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
    if (sent < 0) return end(system_error("writing", "control link", errno));
    out_sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  out_sent_ = 0;
}

void FrameConnection::on_ready(net::Ready ready) {
  if (fd_ && ready.writable) flush();
  if (fd_ && ready.readable) read();
}

void FrameConnection::read() {
  while (fd_) {
    const std::span<char> buffer = loop_.receive_buffer();
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return end(system_error("reading", "control link", errno));
    if (got == 0) return end(Error(Code::unavailable, "the control link was closed"));
    reader_.append({buffer.data(), static_cast<std::size_t>(got)});
    deliver();
  }
}

void FrameConnection::deliver() {
  while (fd_) {
    Result<std::optional<json::object>> message = reader_.next();
    if (!message) return end(message.error());
    if (!message->has_value()) return;
    calls_.on_message(std::move(**message));
  }
}

}  // namespace hitless::gateway
