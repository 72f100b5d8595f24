// The pretend model: a program for Custom packages whose flags say how it behaves and misbehaves.
//
//   GET  /health                       200 once ready, 503 before (or never), and 503 as long as
//                                      there is a file --unwell-while
//   any  other?sleep_ms=N&pad=N        pretend_answer() of the body, after N ms, N bytes longer;
//                                      a --fail-share of them with --fail-status
//        …&status=N                    the same with that status, as to a request that is wrong
//        …&stream_ms=N                 the same piece by piece, over N ms; a --cut-share of them
//                                      breaks off, and --first-byte-ms of the N pass before any
//   any  other?ticks=N&every_ms=M      server-sent events "data: 1" to "data: N", M ms apart
//
// It listens on --listen ("unix:/…" or "host:port"), or on port $PORT of 127.0.0.1.  It knows
// nothing of draining: SIGTERM ends it at once, as it ends most images.
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "net/http_server.h"
#include "net/http_stream.h"
#include "tests/support/pretend_model.h"

namespace hitless::tests {
namespace {

using std::chrono::milliseconds;

constexpr int k_crash_status = 3;
constexpr std::int64_t k_never = -1;

struct Behaviour {
  std::string listen;
  std::string version = "v0";
  std::int64_t start_delay_ms = 0;        // before it listens at all
  std::int64_t ready_after_ms = 0;        // after it listens; k_never: answers 503 for ever
  std::int64_t answer_delay_ms = 0;       // of every answer
  std::int64_t crash_after_ms = k_never;  // after its start
  std::int64_t crash_after_ready_ms = k_never;
  std::int64_t crash_at_request = k_never;
  double fail_share = 0;  // of the answers have fail_status
  int fail_status = 500;
  double cut_share = 0;            // of the streams break off
  std::int64_t first_byte_ms = 0;  // of a stream's time passes before it begins
  std::string starts;      // a folder open to every instance, in which they count their starts …
  int fails_at_start = 0;  // … and the start of this number goes wrong: --fail-by
  int fails_from_start = 0;           // … or each from this number on
  std::string fail_by = "health";     // or "crash", or "request": at --crash-at-request
  std::int64_t fail_after = k_never;  // so many right answers all are 500
  std::int64_t idle_ms = 300'000;     // kept connections that idle longer are closed
  std::int64_t grow_mib_per_second = 0;
  std::string unwell_while;  // a file; as long as it is there it fails its probe and answers on
  bool never_listen = false;
  bool ignore_term = false;
};

[[noreturn]] void crash(const char* when) {
  fmt::print(stderr, "model server: crashing {}, as told\n", when);
  ::_exit(k_crash_status);
}

void crash_later(milliseconds delay, const char* when) {
  std::thread([delay, when] {
    std::this_thread::sleep_for(delay);
    crash(when);
  }).detach();
}

void grow(std::int64_t mib_per_second) {
  std::thread([mib_per_second] {
    std::vector<std::vector<char>> kept;
    for (;;) {
      kept.emplace_back(static_cast<std::size_t>(mib_per_second) << 20, 'x');
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }).detach();
}

std::int64_t number_in(std::string_view query, std::string_view name) {
  const std::size_t at = query.find(name);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = query.substr(at + name.size());
  std::int64_t number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

// Drawn by the number of the call, so that a run can be repeated: the last step of splitmix64.
bool is_drawn(std::uint64_t call, double share) {
  std::uint64_t word = call * 0x9e3779b97f4a7c15U;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return static_cast<double>((word ^ (word >> 31)) >> 11) * 0x1p-53 < share;
}

// Making a folder succeeds for one of those who try; 0: the starts cannot be counted.
int number_of_start(const std::string& starts) {
  constexpr int k_starts_max = 1000;
  for (int number = 1; number <= k_starts_max; ++number) {
    if (::mkdir(fmt::format("{}/{}", starts, number).c_str(), 0755) == 0) return number;
    if (errno != EEXIST) return 0;
  }
  return 0;
}

// A stream that broke off: the connection closes in the middle of its answer.
struct BrokeOff : std::runtime_error {
  BrokeOff() : std::runtime_error("breaking off, as told") {}
};

// An answer in k_pieces, one at once and one after each of k_pieces - 1 equal pauses.
class PiecewiseAnswer final : public net::HttpStream {
 public:
  PiecewiseAnswer(std::string body, milliseconds time, bool breaks_off)
      : body_(std::move(body)),
        pause_(Duration(time) / static_cast<std::int64_t>(k_pieces - 1)),
        breaks_off_(breaks_off) {}

  void open(Wake) override {}

  net::HttpPiece next() override {
    if (breaks_off_ && piece_ == k_pieces / 2) throw BrokeOff();
    const std::size_t begin = body_.size() * piece_ / k_pieces;
    const std::size_t end = body_.size() * ++piece_ / k_pieces;
    return {.bytes = body_.substr(begin, end - begin),
            .last = piece_ == k_pieces,
            .pause = pause_,
            .patience = pause_};
  }

 private:
  static constexpr std::size_t k_pieces = 4;
  const std::string body_;
  const Duration pause_;
  const bool breaks_off_;
  std::size_t piece_ = 0;
};

class Ticks final : public net::HttpStream {
 public:
  Ticks(std::int64_t count, milliseconds interval) : count_(count), interval_(interval) {}
  void open(Wake) override {}
  net::HttpPiece next() override {
    ++said_;
    return {.bytes = fmt::format("data: {}\n\n", said_),
            .last = said_ == count_,
            .pause = interval_,
            .patience = interval_};
  }

 private:
  const std::int64_t count_;
  const milliseconds interval_;
  std::int64_t said_ = 0;
};

class Model {
 public:
  explicit Model(const Behaviour& behaviour)
      : behaviour_(behaviour), began_(std::chrono::steady_clock::now()) {}

  net::HttpResponse answer(const net::HttpRequest& request) {
    net::HttpResponse response;
    if (request.path() == "/health") {
      response.status = is_ready() ? 200 : 503;
      response.body = response.status == 200 ? "ok" : "not ready";
      return response;
    }
    if (const std::int64_t count = number_in(request.query(), "ticks="); count > 0) {
      response.headers.add("Content-Type", "text/event-stream");
      response.stream =
          std::make_shared<Ticks>(count, milliseconds(number_in(request.query(), "every_ms=")));
      return response;
    }
    const std::int64_t call = ++requests_;
    if (call == behaviour_.crash_at_request) crash("at this request");
    if (behaviour_.fail_after != k_never && call > behaviour_.fail_after) response.status = 500;
    const milliseconds delay(behaviour_.answer_delay_ms + number_in(request.query(), "sleep_ms="));
    if (delay.count() > 0) std::this_thread::sleep_for(delay);
    if (const auto status = number_in(request.query(), "status="); status > 0)
      response.status = static_cast<int>(status);
    if (is_drawn(static_cast<std::uint64_t>(call), behaviour_.fail_share))
      response.status = behaviour_.fail_status;
    response.headers.add("Content-Type", "application/json");
    response.body = pretend_answer(behaviour_.version, request.body,
                                   static_cast<std::size_t>(number_in(request.query(), "pad=")));
    const milliseconds stream(number_in(request.query(), "stream_ms="));
    if (stream.count() > 0) begin_stream(response, stream, static_cast<std::uint64_t>(call));
    return response;
  }

 private:
  void begin_stream(net::HttpResponse& response, milliseconds time, std::uint64_t call) const {
    const milliseconds first(std::min(behaviour_.first_byte_ms, std::int64_t{time.count()}));
    if (first.count() > 0) std::this_thread::sleep_for(first);
    response.stream = std::make_shared<PiecewiseAnswer>(std::move(response.body), time - first,
                                                        is_drawn(call, behaviour_.cut_share));
  }

  bool is_unwell() const {
    return !behaviour_.unwell_while.empty() && ::access(behaviour_.unwell_while.c_str(), F_OK) == 0;
  }

  bool is_ready() {
    if (behaviour_.ready_after_ms == k_never || is_unwell()) return false;
    const bool ready =
        std::chrono::steady_clock::now() - began_ >= milliseconds(behaviour_.ready_after_ms);
    if (ready && behaviour_.crash_after_ready_ms != k_never && !told_to_crash_.exchange(true)) {
      crash_later(milliseconds(behaviour_.crash_after_ready_ms), "after it was ready");
    }
    return ready;
  }

  const Behaviour& behaviour_;
  const std::chrono::steady_clock::time_point began_;
  std::atomic<std::int64_t> requests_ = 0;
  std::atomic<bool> told_to_crash_ = false;
};

Result<Address> where_to_listen(const Behaviour& behaviour) {
  if (!behaviour.listen.empty()) return parse_address(behaviour.listen);
  const char* port = std::getenv("PORT");
  if (port == nullptr) return Error(Code::invalid, "neither --listen nor PORT is given");
  return parse_address(fmt::format("127.0.0.1:{}", port));
}

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

// False when the starts cannot be counted: whoever asked for a bad one would wait for it in vain.
bool take_start(Behaviour& behaviour) {
  if (behaviour.starts.empty()) return true;
  const int number = number_of_start(behaviour.starts);
  if (number == 0) {
    fmt::print(stderr, "model server: {}: {}\n", behaviour.starts, std::strerror(errno));
    return false;
  }
  const int from = behaviour.fails_from_start;
  const bool fails = number == behaviour.fails_at_start || (from > 0 && number >= from);
  if (behaviour.fail_by == "request") {
    if (!fails) behaviour.crash_at_request = k_never;
    return true;
  }
  if (!fails) return true;
  if (behaviour.fail_by == "crash") crash("at this start");
  behaviour.ready_after_ms = k_never;
  return true;
}

int run(Behaviour behaviour) {
  if (!take_start(behaviour)) return 2;
  if (behaviour.ignore_term) ::signal(SIGTERM, SIG_IGN);
  if (behaviour.crash_after_ms == 0) crash("at the start");
  if (behaviour.crash_after_ms > 0) crash_later(milliseconds(behaviour.crash_after_ms), "in time");
  if (behaviour.grow_mib_per_second > 0) grow(behaviour.grow_mib_per_second);
  if (behaviour.never_listen) wait_for_ever();
  std::this_thread::sleep_for(milliseconds(behaviour.start_delay_ms));

  const auto address = where_to_listen(behaviour);
  if (!address) {
    fmt::print(stderr, "model server: {}\n", address.error().text());
    return 2;
  }
  Model model(behaviour);
  const auto server =
      net::HttpServer::start({.listen = {*address},
                              .socket_mode = 0666,
                              .handler_threads = 16,
                              .idle_timeout = milliseconds(behaviour.idle_ms)},
                             [&model](const net::HttpRequest& request, const net::HttpPeer&) {
                               return model.answer(request);
                             });
  if (!server) {
    fmt::print(stderr, "model server: {}\n", server.error().text());
    return 2;
  }
  fmt::print(stderr, "model server: {} listens on {}\n", behaviour.version, to_text(*address));
  wait_for_ever();
}

void add_flags(CLI::App& program, Behaviour& behaviour) {
  program.add_option("--listen", behaviour.listen);
  program.add_option("--version-tag", behaviour.version);
  program.add_option("--start-delay-ms", behaviour.start_delay_ms);
  program.add_option("--ready-after-ms", behaviour.ready_after_ms);
  program.add_option("--answer-delay-ms", behaviour.answer_delay_ms);
  program.add_option("--crash-after-ms", behaviour.crash_after_ms);
  program.add_option("--crash-after-ready-ms", behaviour.crash_after_ready_ms);
  program.add_option("--crash-at-request", behaviour.crash_at_request);
  program.add_option("--fail-share", behaviour.fail_share);
  program.add_option("--fail-status", behaviour.fail_status);
  program.add_option("--cut-share", behaviour.cut_share);
  program.add_option("--first-byte-ms", behaviour.first_byte_ms);
  program.add_option("--starts", behaviour.starts);
  program.add_option("--fails-at-start", behaviour.fails_at_start);
  program.add_option("--fails-from-start", behaviour.fails_from_start);
  program.add_option("--fail-by", behaviour.fail_by);
  program.add_option("--fail-after", behaviour.fail_after);
  program.add_option("--idle-ms", behaviour.idle_ms);
  program.add_option("--grow-mib-per-second", behaviour.grow_mib_per_second);
  program.add_option("--unwell-while", behaviour.unwell_while);
  program.add_flag("--never-listen", behaviour.never_listen);
  program.add_flag("--ignore-term", behaviour.ignore_term);
}

}  // namespace
}  // namespace hitless::tests

int main(int argc, char** argv) {
  CLI::App program("The pretend model");
  hitless::tests::Behaviour behaviour;
  hitless::tests::add_flags(program, behaviour);
  CLI11_PARSE(program, argc, argv);
  return hitless::tests::run(behaviour);
}
