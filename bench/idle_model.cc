// A model that costs nothing: says 200 to whatever is sent to its Unix socket, one thread, no
// library but libc, so that a thousand of them fit on one machine.  Usage: idle_model unix:/PATH
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace {

constexpr int k_connections_max = 16;
constexpr char k_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

int listen_at(const char* path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::unlink(path);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return -1;
  return ::listen(listener, k_connections_max) == 0 ? listener : -1;
}

// A request without a body comes in one piece from those who ask here.
bool answer(int connection) {
  char request[4096];
  if (::read(connection, request, sizeof request) <= 0) return false;
  return ::write(connection, k_answer, sizeof k_answer - 1) > 0;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr const char* k_scheme = "unix:";
  if (argc != 2 || std::strncmp(argv[1], k_scheme, std::strlen(k_scheme)) != 0) return 2;
  ::signal(SIGPIPE, SIG_IGN);
  pollfd watched[1 + k_connections_max] = {};
  watched[0] = {.fd = listen_at(argv[1] + std::strlen(k_scheme)), .events = POLLIN, .revents = 0};
  if (watched[0].fd < 0) return 1;
  nfds_t count = 1;
  for (;;) {
    watched[0].events = count <= k_connections_max ? POLLIN : 0;
    if (::poll(watched, count, -1) < 0) return 1;
    for (nfds_t i = count; i-- > 1;) {
      if (watched[i].revents == 0 || answer(watched[i].fd)) continue;
      ::close(watched[i].fd);
      watched[i] = watched[--count];
    }
    if (watched[0].revents == 0) continue;
    const int fresh = ::accept4(watched[0].fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fresh >= 0) watched[count++] = {.fd = fresh, .events = POLLIN, .revents = 0};
  }
}
