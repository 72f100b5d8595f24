#include "net/channel.h"

#include <sys/uio.h>

namespace hitless::net {

ssize_t Channel::send(std::string_view first, std::string_view second) {
  if (tls_ != nullptr) return tls_->send(first, second);
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                    {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = second.empty() ? 1 : 2;
  return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
}

void Channel::shut_writing() {
  if (tls_ != nullptr) tls_->say_goodbye();
  ::shutdown(fd_.get(), SHUT_WR);
}

void Channel::reset() {
  constexpr linger k_now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &k_now, sizeof k_now);
  close();
}

void Channel::close() {
  tls_.reset();
  fd_.reset();
}

}  // namespace hitless::net
