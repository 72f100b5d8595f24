#include "net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace hitless::net {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int k_backlog = 4096;
// A connection without a byte is handed over after this long all the same.
constexpr int k_defer_seconds = 2;

void set_option(int fd, int level, int option, int value) {
  // Each is an improvement, none a necessity: refusal changes speed only.
  ::setsockopt(fd, level, option, &value, sizeof value);
}

// inet_ntop() goes through sprintf(), a tenth of what a connection for one request costs us.
std::string v4_text(in_addr address) {
  std::array<unsigned char, 4> bytes;
  static_assert(sizeof bytes == sizeof address);
  std::memcpy(bytes.data(), &address, sizeof bytes);
  char text[INET_ADDRSTRLEN];
  char* at = text;
  for (const unsigned char byte : bytes) {
    if (at != text) *at++ = '.';
    at = std::to_chars(at, text + sizeof text, byte).ptr;
  }
  return {text, at};
}

}  // namespace

Result<SocketAddress> to_socket_address(const Address& address) {
  SocketAddress made;
  if (address.is_unix()) {
    if (address.path.size() >= sizeof made.local.sun_path) {
      return Error(Code::invalid, "the path " + address.path + " is too long for a Unix socket");
    }
    made.local.sun_family = AF_UNIX;
    std::memcpy(made.local.sun_path, address.path.c_str(), address.path.size() + 1);
    made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.path.size() + 1);
    return made;
  }
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&made.storage, &v4, sizeof v4);
    made.size = sizeof v4;
    return made;
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&made.storage, &v6, sizeof v6);
    made.size = sizeof v6;
    return made;
  }
  return Error(Code::invalid, "[" + address.host + "] is not a numeric address");
}

Result<UniqueFd> listen_on(const Address& address, unsigned mode) {
  HL_TRY_ASSIGN(const SocketAddress target, to_socket_address(address));
  UniqueFd fd(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("socket", to_text(address), errno);
  if (address.is_unix()) {
    ::unlink(address.path.c_str());
  } else {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // accepted sockets inherit it
    set_option(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, k_defer_seconds);
  }
  if (::bind(fd.get(), &target.any, target.size) != 0) {
    return system_error("binding", to_text(address), errno);
  }
  if (address.is_unix() && ::chmod(address.path.c_str(), static_cast<mode_t>(mode)) != 0) {
    return system_error("setting the mode of", address.path, errno);
  }
  if (::listen(fd.get(), k_backlog) != 0) {
    return system_error("listening on", to_text(address), errno);
  }
  return fd;
}

Result<UniqueFd> copy_of(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return system_error("dup", "a socket", errno);
  return copy;
}

Result<Address> local_address(int fd, const Address& asked) {
  if (asked.is_unix()) return asked;
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return system_error("getsockname", to_text(asked), errno);
  }
  Address real = asked;
  const std::uint16_t port = bound.ss_family == AF_INET6
                                 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                 : reinterpret_cast<sockaddr_in*>(&bound)->sin_port;
  real.port = ntohs(port);
  return real;
}

int open_stream_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && family != AF_UNIX) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return fd;
}

std::optional<Duration> unmoved_for(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return std::chrono::milliseconds(std::max(info.tcpi_last_data_sent, info.tcpi_last_ack_recv));
}

std::string peer_text(const SocketAddress& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.family() == AF_INET) {
    return v4_text(reinterpret_cast<const sockaddr_in*>(&peer.storage)->sin_addr);
  }
  if (peer.family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&peer.storage)->sin6_addr, text,
                sizeof text);
  } else {
    return "unix:";
  }
  return text;
}

}  // namespace hitless::net
