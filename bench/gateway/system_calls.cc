#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/counts.h"
#include "bench/gateway/exact.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/load.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds k_patience{20};
constexpr std::size_t k_file_bytes_max = 64 * 1024;

struct Counted {
  std::string what;
  Tuning tuning = Tuning::small;
  Shape shape;
  std::size_t clients = 64;
  double bar = 0;
  std::uint64_t units = 0;
};

std::vector<Counted> counted() {
  return {
      {.what = "system calls per small request, 64 clients", .bar = 4.2, .units = 60'000},
      {.what = "system calls per small request, one client",
       .clients = 1,
       .bar = 6.1,
       .units = 5000},
      {.what = "system calls per SSE event, 100 streams",
       .tuning = Tuning::stream,
       .shape = {.is_stream = true},
       .clients = 100,
       .bar = 2.4,
       .units = 40'000},
      {.what = "system calls for a connection per request, 32 clients",
       .shape = {.is_fresh = true},
       .clients = 32,
       .bar = 9.5,
       .units = 20'000},
  };
}

// perf, attached to processes that are there and told through pipes when to count.
//
// Owner: one measurement, one thread.  Order: make, start(), stop(), then counted().
class Counter {
 public:
  Counter(const std::vector<pid_t>& pids, const fs::path& folder, int core)
      : result_(folder / "perf.csv"),
        orders_(pipe_at(folder / "orders")),
        answers_(pipe_at(folder / "answers")),
        perf_(arguments(pids, folder), folder / "perf.out", core) {}

  bool start() { return order("enable\n"); }
  bool stop() { return order("disable\n"); }

  std::optional<std::int64_t> counted() {
    perf_.signal(SIGINT);
    perf_.wait(k_patience);
    const auto text = read_file(result_, k_file_bytes_max);
    return text ? events_in(*text) : std::nullopt;
  }
  std::string output() const { return perf_.output(); }

 private:
  static UniqueFd pipe_at(const fs::path& path) {
    HL_CHECK(::mkfifo(path.c_str(), 0600) == 0);
    // Both ends at once, so that neither waits for the other.
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    HL_CHECK(static_cast<bool>(fd));
    return fd;
  }

  std::vector<std::string> arguments(const std::vector<pid_t>& pids, const fs::path& folder) const {
    std::string list;
    for (const pid_t pid : pids) list += fmt::format("{}{}", list.empty() ? "" : ",", pid);
    return {"/usr/bin/perf",
            "stat",
            "-e",
            "raw_syscalls:sys_enter",
            "-x,",
            "-o",
            result_,
            "-D",
            "-1",
            fmt::format("--control=fifo:{},{}", (folder / "orders").string(),
                        (folder / "answers").string()),
            "-p",
            list};
  }

  bool order(std::string_view text) {
    HL_CHECK(::write(orders_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    pollfd waited{.fd = answers_.get(), .events = POLLIN, .revents = 0};
    const auto millis = std::chrono::milliseconds(k_patience).count();
    char answer[64];
    return ::poll(&waited, 1, static_cast<int>(millis)) == 1 &&
           ::read(answers_.get(), answer, sizeof answer) > 0;
  }

  const fs::path result_;
  const UniqueFd orders_;
  const UniqueFd answers_;
  Child perf_;
};

std::optional<double> calls_per_unit(Kind kind, const Counted& counted, std::uint64_t units,
                                     const ExactOptions& options) {
  const auto folder = TemporaryDirectory::make("hitless-bench");
  HL_CHECK(folder);
  Load load(counted.shape, folder->path());
  const auto proxy = start_proxy({.kind = kind,
                                  .tuning = counted.tuning,
                                  .upstream = load.upstream(),
                                  .folder = folder->path() / to_text(kind),
                                  .core = options.cores.proxy,
                                  .launcher = {}});
  if (is_ending()) return std::nullopt;
  load.connect(proxy->address(), counted.clients);
  load.run_each_once();
  if (!counted.shape.is_stream) load.run_units(units / 10);
  Counter counter(proxy->pids(), folder->path(), options.cores.load);
  if (!counter.start()) {
    fmt::print(stderr, "perf does not count here: {}\n", counter.output());
    return std::nullopt;
  }
  const Window window = load.run_units(units);
  const bool is_stopped = counter.stop();
  if (load.failed()) {
    give_up(fmt::format("the load through {} failed: {}", to_text(kind), load.failure()));
  }
  load.disconnect();
  const auto calls = counter.counted();
  if (!calls || !is_stopped) return std::nullopt;
  return static_cast<double>(*calls) / static_cast<double>(window.units);
}

}  // namespace

std::vector<Figure> measure_system_calls(const ExactOptions& options) {
  std::vector<Figure> figures;
  for (const Counted& each : counted()) {
    fmt::print(stderr, "  {}\n", each.what);
    Figure figure{.what = each.what, .unit = "", .bar = each.bar, .of = {}};
    for (const Kind kind : k_kinds) {
      if (is_ending()) return {};
      figure.of[static_cast<std::size_t>(kind)] =
          calls_per_unit(kind, each, options.is_quick ? each.units / 4 : each.units, options);
    }
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace hitless::bench
