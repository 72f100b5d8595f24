#include "bench/gateway/peers.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "base/check.h"
#include "base/file.h"
#include "net/socket.h"

namespace hitless::bench {

namespace fs = std::filesystem;

std::string user_name() {
  const passwd* user = ::getpwuid(::geteuid());
  HL_CHECK(user != nullptr);
  return user->pw_name;
}

fs::path peer_program(const std::string& name) {
  const char* cache = std::getenv("HITLESS_CACHE");
  const char* home = std::getenv("HOME");
  HL_CHECK(cache != nullptr || home != nullptr);
  const fs::path folder = cache != nullptr ? fs::path(cache) : fs::path(home) / ".cache/hitless";
  return folder / "peers/usr/sbin" / name;
}

Address free_address() {
  const Address wanted{.host = "127.0.0.1", .port = 0, .path = {}};
  const auto fd = net::listen_on(wanted);
  HL_CHECK(fd);
  return net::local_address(fd->get(), wanted).value();
}

bool answers(const Address& address) {
  const auto to = net::to_socket_address(address);
  HL_CHECK(to);
  const UniqueFd fd(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd && ::connect(fd.get(), &to->any, to->size) == 0;
}

}  // namespace hitless::bench
