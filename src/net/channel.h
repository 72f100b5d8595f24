// The bytes of one accepted connection, plain or under TLS.
//
// Owner: the connection.  Thread: its loop's.  Plain ones go straight to the kernel: what TLS adds
// is one comparison.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "net/socket.h"
#include "net/tls.h"

namespace hitless::net {

class Channel {
 public:
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}
  Channel(UniqueFd fd, std::unique_ptr<TlsStream> tls) : fd_(std::move(fd)), tls_(std::move(tls)) {}

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  bool encrypted() const { return tls_ != nullptr; }

  // As recv(2).  `drained`: the kernel has no more, so its next event will tell.
  ssize_t receive(std::span<char> into, bool& drained) {
    if (tls_ != nullptr) return tls_->receive(into, drained);
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    drained = got < static_cast<ssize_t>(into.size());
    return got;
  }
  // As sendmsg(2) of both.  What was refused must be offered again before anything else.
  ssize_t send(std::string_view first, std::string_view second = {}) {
    if (tls_ != nullptr) return tls_->send(first, second);
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = second.empty() ? 1 : 2;
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  }

  std::optional<Duration> unmoved_for() const { return net::unmoved_for(fd_.get()); }
  void shut_writing();
  void reset();  // the peer sees a reset instead of an end, and the descriptor is closed
  void close();

 private:
  UniqueFd fd_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace hitless::net
