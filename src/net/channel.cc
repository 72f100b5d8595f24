#include "net/channel.h"

namespace hitless::net {

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
