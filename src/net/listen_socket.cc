#include "net/listen_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hitless::net {
namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int k_backlog = 4096;

Error in_use() {
  return Error(Code::conflict, "already in use");
}

Error bind_error(int error_number) {
  return error_number == EADDRINUSE ? in_use() : system_error("bind", "", error_number);
}

Result<UniqueFd> open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("socket", "", errno);
  return fd;
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), std::min(path.size(), sizeof name.sun_path - 1));
  return name;
}

// Only a socket file on which a connection is refused has no owner any more.
Result<void> remove_stale(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error("lstat", "", errno);
  }
  if (!S_ISSOCK(found.st_mode)) return Error(Code::conflict, "the file is there and no socket");
  HL_TRY_ASSIGN(const UniqueFd probe, open_socket(AF_UNIX));
  const sockaddr_un name = unix_name(path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 ||
      errno == EAGAIN) {
    return in_use();
  }
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) return system_error("connect", "", errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("unlink", "", errno);
  return {};
}

struct TcpName {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<TcpName> tcp_name(const Address& address) {
  TcpName name;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    name.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    name.size = sizeof *v6;
  } else {
    return Error(Code::invalid, "the host must be an IPv4 or IPv6 address");
  }
  return name;
}

Result<std::uint16_t> port_of(int fd) {
  TcpName name{.storage = {}, .size = sizeof(sockaddr_storage)};
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name.storage), &name.size) != 0) {
    return system_error("getsockname", "", errno);
  }
  const bool ipv6 = name.storage.ss_family == AF_INET6;
  return ntohs(ipv6 ? reinterpret_cast<const sockaddr_in6*>(&name.storage)->sin6_port
                    : reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const Address& address, unsigned unix_mode) {
  Result<ListenSocket> opened =
      address.is_unix() ? open_unix(address, unix_mode) : open_tcp(address);
  if (!opened) return std::move(opened).error().context("listening on " + to_text(address));
  return opened;
}

Result<ListenSocket> ListenSocket::open_tcp(const Address& address) {
  HL_TRY_ASSIGN(const TcpName name, tcp_name(address));
  HL_TRY_ASSIGN(UniqueFd fd, open_socket(name.storage.ss_family));
  const int on = 1;
  // Without V6ONLY [::] would take the IPv4 port too and 0.0.0.0 could not stand beside it.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (name.storage.ss_family == AF_INET6 &&
       ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)) {
    return system_error("setsockopt", "", errno);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name.storage), name.size) != 0) {
    return bind_error(errno);
  }
  // Two sockets may bind one port with SO_REUSEADDR; the second to listen is the one refused.
  if (::listen(fd.get(), k_backlog) != 0) return bind_error(errno);
  Address real = address;
  HL_TRY_ASSIGN(real.port, port_of(fd.get()));
  return ListenSocket(std::move(fd), std::move(real));
}

Result<ListenSocket> ListenSocket::open_unix(const Address& address, unsigned mode) {
  HL_TRY(remove_stale(address.path));
  HL_TRY_ASSIGN(UniqueFd fd, open_socket(AF_UNIX));
  const sockaddr_un name = unix_name(address.path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return bind_error(errno);
  }
  struct stat made {};
  if (::lstat(address.path.c_str(), &made) != 0) return system_error("lstat", "", errno);
  ListenSocket socket(std::move(fd), address);
  socket.device_ = made.st_dev;
  socket.inode_ = made.st_ino;
  // Before listen(), so that nobody connects under the mode the umask left.
  if (::chmod(address.path.c_str(), mode) != 0) return system_error("chmod", "", errno);
  if (::listen(socket.fd(), k_backlog) != 0) return system_error("listen", "", errno);
  return socket;
}

void ListenSocket::close() {
  if (!fd_) return;
  struct stat found {};
  if (address_.is_unix() && ::lstat(address_.path.c_str(), &found) == 0 &&
      found.st_dev == device_ && found.st_ino == inode_) {
    ::unlink(address_.path.c_str());
  }
  fd_.reset();
}

}  // namespace hitless::net
