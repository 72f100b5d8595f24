// An instance with one of the habits that lose requests behind a proxy; its answers are the
// pretend model's.  It writes "listens on ADDRESS" when it can be called.
//
//   --habit closes_idle      closes each kept connection after a random idle time of at most
//                            --idle-ms, whatever arrives just then; at SIGTERM it ends in order
//   --habit stops_accepting  at SIGTERM it accepts nothing more, and serves the connections that it
//                            has until they have been idle for a while
//   --habit exits_at_once    SIGTERM ends it, whatever it has in hand
//   --count FILE             eight bytes, shared by all that are given the file: requests taken
//
// POST …?sleep_ms=N&pad=N, as tests/support/model_server.cc has it; one thread.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/socket.h"
#include "tests/support/leaving_instances.h"
#include "tests/support/pretend_model.h"

namespace hitless::tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t k_read_bytes = 64 * 1024;
constexpr milliseconds k_leaving_idle{100};
constexpr milliseconds k_unused_idle{5000};  // on which nothing was asked yet

volatile sig_atomic_t g_is_asked_to_end = 0;  // NOLINT: a signal's only way in

struct Options {
  std::string habit;
  std::string version;
  std::string count_file;
  int idle_ms = 20;
};

struct Asked {
  std::size_t bytes = 0;  // of head and body
  std::string body;
  std::int64_t sleep_ms = 0;
  std::size_t pad = 0;
};

std::size_t number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = text.substr(at + name.size());
  std::size_t number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

// The first whole request; nullopt: not there yet.  Bodies have a stated length here.
std::optional<Asked> first_of(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  std::string head(bytes.substr(0, end + 2));
  const std::string target = head.substr(0, head.find("\r\n"));
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const std::size_t length = number_after(head, "\r\ncontent-length: ");
  if (bytes.size() < end + 4 + length) return std::nullopt;
  return Asked{.bytes = end + 4 + length,
               .body = std::string(bytes.substr(end + 4, length)),
               .sleep_ms = static_cast<std::int64_t>(number_after(target, "sleep_ms=")),
               .pad = number_after(target, "pad=")};
}

struct Connection {
  UniqueFd fd;
  std::string in;
  std::string out;
  std::string answer;                          // waits for …
  std::optional<Clock::time_point> answer_at;  // … its time
  Clock::time_point idle_since;
  milliseconds idle_max = k_unused_idle;

  bool is_idle() const { return in.empty() && out.empty() && !answer_at; }
};

class Instance {
 public:
  Instance(const Options& options, UniqueFd listening, std::atomic<std::uint64_t>* taken)
      : options_(options),
        listening_(std::move(listening)),
        taken_(taken),
        random_(static_cast<std::uint64_t>(::getpid())) {}

  void run() {
    while (!is_done()) {
      if (g_is_asked_to_end != 0) listening_.reset();
      std::vector<pollfd> polled;
      if (listening_) polled.push_back({.fd = listening_.get(), .events = POLLIN, .revents = 0});
      for (const Connection& each : connections_) {
        const int events = POLLIN | (each.out.empty() ? 0 : POLLOUT);
        polled.push_back({.fd = each.fd.get(), .events = static_cast<short>(events), .revents = 0});
      }
      // Short, so that whatever has its time is seen then; SIGTERM ends the wait.
      ::poll(polled.data(), polled.size(), 1);
      on_polled(polled);
    }
  }

 private:
  bool closes_idle() const { return options_.habit == "closes_idle"; }
  bool is_done() const { return !listening_ && connections_.empty(); }

  void on_polled(const std::vector<pollfd>& polled) {
    auto next = polled.begin();
    const bool may_accept = listening_ && (next++)->revents != 0;
    const Clock::time_point now = Clock::now();
    for (auto each = connections_.begin(); each != connections_.end();) {
      const short events = (next++)->revents;
      const bool goes_on = serve(*each, events, now);
      each = goes_on ? std::next(each) : connections_.erase(each);
    }
    if (may_accept) accept();
  }

  void accept() {
    for (;;) {
      UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Connection& made = connections_.emplace_back();
      made.fd = std::move(fd);
      made.idle_since = Clock::now();
    }
  }

  void begin_idling(Connection& connection, Clock::time_point now) {
    connection.idle_since = now;
    connection.idle_max = milliseconds(random_() % static_cast<unsigned>(options_.idle_ms + 1));
  }

  // False: the connection is over.
  bool serve(Connection& connection, short events, Clock::time_point now) {
    if (connection.is_idle() && is_tired_of(connection, now)) return false;
    if (events != 0 && !read(connection)) return false;
    take(connection, now);
    if (connection.answer_at && *connection.answer_at <= now) {
      connection.out += connection.answer;
      connection.answer_at.reset();
      begin_idling(connection, now);
      take(connection, now);
    }
    return write(connection);
  }

  bool is_tired_of(const Connection& connection, Clock::time_point now) const {
    const auto idle = now - connection.idle_since;
    if (!listening_) return closes_idle() || idle >= k_leaving_idle;
    return closes_idle() && idle >= connection.idle_max;
  }

  static bool read(Connection& connection) {
    char bytes[k_read_bytes];
    for (;;) {
      const ssize_t got = ::recv(connection.fd.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      connection.in.append(bytes, static_cast<std::size_t>(got));
    }
  }

  // One request into its answer, unless one is in hand.
  void take(Connection& connection, Clock::time_point now) {
    if (connection.answer_at) return;
    const auto asked = first_of(connection.in);
    if (!asked) return;
    if (taken_ != nullptr) ++*taken_;
    connection.in.erase(0, asked->bytes);
    const std::string body = pretend_answer(options_.version, asked->body, asked->pad);
    connection.answer = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        body.size(), body);
    connection.answer_at = now + milliseconds(asked->sleep_ms);
  }

  static bool write(Connection& connection) {
    while (!connection.out.empty()) {
      const ssize_t sent =
          ::send(connection.fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.out.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

  const Options& options_;
  UniqueFd listening_;
  std::atomic<std::uint64_t>* const taken_;
  std::minstd_rand random_;
  std::list<Connection> connections_;
};

// Survives its process, however that ends.
std::atomic<std::uint64_t>* open_count(const std::string& file) {
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ::ftruncate(fd.get(), sizeof(std::uint64_t)) != 0) return nullptr;
  void* const place =
      ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  return place == MAP_FAILED ? nullptr : static_cast<std::atomic<std::uint64_t>*>(place);
}

int run(const Options& options) {
  std::atomic<std::uint64_t>* taken = nullptr;
  if (!options.count_file.empty()) {
    taken = open_count(options.count_file);
    if (taken == nullptr) {
      fmt::print(stderr, "leaving instance: cannot count in {}\n", options.count_file);
      return 2;
    }
  }
  const Address wanted{.host = "127.0.0.1", .port = 0, .path = {}};
  auto listening = net::listen_on(wanted);
  if (!listening) {
    fmt::print(stderr, "leaving instance: {}\n", listening.error().text());
    return 2;
  }
  if (options.habit != k_exits_at_once) {
    struct sigaction action {};
    action.sa_handler = [](int) { g_is_asked_to_end = 1; };
    ::sigaction(SIGTERM, &action, nullptr);
  }
  fmt::print("listens on {}\n", to_text(*net::local_address(listening->get(), wanted)));
  std::fflush(stdout);
  Instance(options, std::move(*listening), taken).run();
  return 0;
}

}  // namespace
}  // namespace hitless::tests

int main(int argc, char** argv) {
  using namespace hitless::tests;
  CLI::App program("An instance that is hard to replace");
  Options options;
  program.add_option("--habit", options.habit)
      ->required()
      ->check(CLI::IsMember({k_closes_idle, k_stops_accepting, k_exits_at_once}));
  program.add_option("--version-tag", options.version)->required();
  program.add_option("--count", options.count_file);
  program.add_option("--idle-ms", options.idle_ms)->check(CLI::Range(0, 10'000));
  CLI11_PARSE(program, argc, argv);
  return run(options);
}
