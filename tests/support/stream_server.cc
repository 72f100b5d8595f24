// An instance whose answers go on: for tests of what happens to streams.
//
//   GET /health                      200
//   GET any?ticks=N&every_ms=M       server-sent events "data: VERSION 1" to "data: VERSION N"
//   GET any, Upgrade: websocket      each frame comes back as it was sent
//   any other                        200 with VERSION
//
// It listens on --listen unix:/…, names --version-tag VERSION, and SIGTERM ends it at once.
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "tests/support/websocket_peer.h"

namespace hitless::testing {
namespace {

std::int64_t number_in(std::string_view line, std::string_view name) {
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = line.substr(at + name.size());
  std::int64_t number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

std::string chunk(std::string_view data) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

bool tick(RawConnection& connection, const std::string& version, std::int64_t count,
          std::chrono::milliseconds interval) {
  if (!connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n")) {
    return false;
  }
  auto at = std::chrono::steady_clock::now();
  for (std::int64_t number = 1; number <= count; ++number) {
    if (!connection.write(chunk("data: " + version + " " + std::to_string(number) + "\n\n"))) {
      return false;
    }
    std::this_thread::sleep_until(at += interval);
  }
  return connection.write("0\r\n\r\n");
}

void serve(RawConnection& connection, const std::string& version) {
  for (;;) {
    const RawMessage request = connection.read_message();
    if (!request.whole) {
      // The other side keeps a connection for longer than a read waits.
      if (connection.last_error() == EAGAIN) continue;
      return;
    }
    if (request.field("upgrade") == "websocket") return echo_frames(connection);
    const std::string line = request.start_line();
    if (const std::int64_t count = number_in(line, "ticks="); count > 0) {
      const std::chrono::milliseconds interval(number_in(line, "every_ms="));
      if (!tick(connection, version, count, interval)) return;
    } else if (!connection.write(RawUpstream::ok(version))) {
      return;
    }
  }
}

int run(const std::string& listen, const std::string& version) {
  const Result<Address> address = parse_address(listen);
  if (!address || !address->is_unix()) {
    std::fprintf(stderr, "stream server: --listen unix:/PATH is not given\n");
    return 2;
  }
  ::umask(0);  // the gateway is another user's
  const RawUpstream server([&version](RawConnection& connection) { serve(connection, version); },
                           *address);
  for (;;) ::pause();
}

}  // namespace
}  // namespace hitless::testing

int main(int argc, char** argv) {
  std::string listen;
  std::string version = "v0";
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string flag = argv[at];
    if (flag == "--listen") listen = argv[at + 1];
    if (flag == "--version-tag") version = argv[at + 1];
  }
  return hitless::testing::run(listen, version);
}
