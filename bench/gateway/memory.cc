#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/exact.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/load.h"

namespace hitless::bench {
namespace {

constexpr std::size_t k_few = 1000;
// Two descriptors each at the proxy, and two here; 20,000 are usual.
constexpr std::size_t k_waiting = 4000;
// One each: what the instances' side needs for their one request is shared.
constexpr std::size_t k_idle = 10'000;
// So many at once make their one request: what that takes at its peak is not to be counted.
constexpr std::size_t k_at_once = 50;
constexpr std::chrono::milliseconds k_settling{600};

struct Held {
  std::string what;
  Shape shape;
  std::size_t clients = 0;
  double bar = 0;  // KiB
};

std::vector<Held> held() {
  return {{.what = fmt::format("memory per waiting request, {} of them", k_waiting),
           .shape = {.is_unanswered = true},
           .clients = k_waiting,
           .bar = 3},
          {.what = fmt::format("memory per idle client connection, {} of them", k_idle),
           .shape = {.pause = std::chrono::hours(24)},
           .clients = k_idle,
           .bar = 2}};
}

void add_clients(Load& load, const Address& proxy, std::size_t count) {
  for (std::size_t done = 0; done < count && !load.failed(); done += k_at_once) {
    const std::size_t now = std::min(k_at_once, count - done);
    load.connect(proxy, now);
    load.run_units(now);
  }
}

std::optional<double> kib_each(Kind kind, const Held& held, const ExactOptions& options) {
  const auto folder = TemporaryDirectory::make("hitless-bench");
  HL_CHECK(folder);
  Load load(held.shape, folder->path());
  const auto proxy = start_proxy({.kind = kind,
                                  .upstream = load.upstream(),
                                  .folder = folder->path() / to_text(kind),
                                  .core = options.cores.proxy,
                                  .launcher = {}});
  if (is_ending()) return std::nullopt;
  add_clients(load, proxy->address(), k_few);
  const std::int64_t before = private_bytes(proxy->pids());
  add_clients(load, proxy->address(), held.clients - k_few);
  // A client that leaves right after its request would still be waited for.
  load.run_for(k_settling);
  const std::int64_t after = private_bytes(proxy->pids());
  if (load.failed()) {
    give_up(fmt::format("the load through {} failed: {}", to_text(kind), load.failure()));
  }
  const std::size_t sockets = open_descriptors(proxy->pids());
  HL_CHECK(load.failed() || sockets >= held.clients);  // they are all there
  load.disconnect();
  return static_cast<double>(after - before) / 1024 / static_cast<double>(held.clients - k_few);
}

}  // namespace

std::vector<Figure> measure_memory(const ExactOptions& options) {
  std::vector<Figure> figures;
  for (const Held& each : held()) {
    fmt::print(stderr, "  {}\n", each.what);
    Figure figure{.what = each.what, .unit = "KiB", .bar = each.bar, .of = {}};
    for (const Kind kind : k_kinds) {
      if (is_ending()) return {};
      figure.of[static_cast<std::size_t>(kind)] = kib_each(kind, each, options);
    }
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace hitless::bench
