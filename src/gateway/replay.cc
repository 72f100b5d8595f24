#include "gateway/replay.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace hitless::gateway {

bool cannot_have_been_taken(const Death& death) {
  if (death.answered) return false;
  if (!death.connected || death.sent == 0) return true;
  if (death.confirmed.has_value() && *death.confirmed == 0) return true;
  const std::size_t unread_max = death.kept ? k_unread_kept_bytes_max : k_unread_reset_bytes_max;
  return death.error == ECONNRESET && death.sent_at_once && death.sent <= unread_max;
}

std::optional<std::uint64_t> confirmed_bytes(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  constexpr socklen_t k_needed = offsetof(tcp_info, tcpi_bytes_acked) + sizeof(__u64);
  if (size < k_needed) return std::nullopt;  // a kernel before 4.1
  // The connection's own beginning (SYN) counts as one.
  return info.tcpi_bytes_acked == 0 ? 0 : info.tcpi_bytes_acked - 1;
}

}  // namespace hitless::gateway
