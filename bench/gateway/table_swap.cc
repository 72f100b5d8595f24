#include "bench/gateway/table_swap.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/link.h"
#include "bench/gateway/load.h"
#include "bench/gateway/statistics.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_clients = 8;
constexpr std::chrono::seconds k_usual{4};
constexpr std::chrono::milliseconds k_pause{100};  // between two publishes
constexpr std::chrono::seconds k_start_patience{30};

// The version is another instance: a step of a rollout.
model::ServiceRoute route_of(const TableSwapOptions& options, std::size_t service, int version) {
  std::vector<model::Endpoint> endpoints;
  for (std::size_t i = 0; i < options.endpoints; ++i) {
    const int life = i == 0 ? version : 0;
    endpoints.push_back(
        {.instance = model::InstanceId(fmt::format("instance-{:05}-{}-{}", service, i, life)),
         .address = {.host = fmt::format("127.1.{}.{}", service / 250, 1 + service % 250),
                     .port = static_cast<std::uint16_t>(20'000 + i),
                     .path = {}}});
  }
  return route_to(fmt::format("00000000-0000-4000-8000-{:012}", service), std::move(endpoints));
}

// Endpoints that nobody calls, and one service that is.
std::vector<model::SharedRoute> first_table(const TableSwapOptions& options,
                                            const Address& upstream) {
  std::vector<model::SharedRoute> services;
  for (std::size_t service = 0; service < options.services; ++service) {
    services.emplace_back(route_of(options, service, 0));
  }
  services.emplace_back(
      route_to(k_service, {{.instance = model::InstanceId("one"), .address = upstream}}));
  return services;
}

struct Span {
  Clock::time_point begin;
  Clock::time_point end;
};

float slowest_during(const Window& window, const std::vector<Span>& spans) {
  float slowest = 0;
  for (std::size_t i = 0; i < window.latency_us.size(); ++i) {
    const Clock::time_point ended = window.ended[i];
    const Clock::time_point began =
        ended - std::chrono::duration_cast<Clock::duration>(
                    std::chrono::duration<float, std::micro>(window.latency_us[i]));
    const bool overlaps = std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
      return began < span.end && ended > span.begin;
    });
    if (overlaps) slowest = std::max(slowest, window.latency_us[i]);
  }
  return slowest;
}

}  // namespace

std::vector<Figure> measure_table_swap(const TableSwapOptions& options) {
  const auto folder = TemporaryDirectory::make("hitless-bench");
  HL_CHECK(folder);
  Load load({.pause = std::chrono::milliseconds(2)}, folder->path());
  const fs::path state = folder->path() / "state";
  const Child gateway({HITLESS_GATEWAY_BINARY, "gateway", "--state", state, "--listen",
                       "127.0.0.1:0", "--workers", "2"},
                      folder->path() / "output", -1);
  Link link(state / "gateway.sock");
  const Address address = link.attach(k_start_patience);
  if (address.port == 0) {
    give_up("the gateway does not start: " + gateway.output());
    return {};
  }
  std::vector<model::SharedRoute> services = first_table(options, load.upstream());
  link.adopt(services);
  load.keep_times(true);
  load.connect(address, k_clients);
  load.run_each_once();
  const double usual = percentile(load.run_for(k_usual).latency_us, 0.99);

  std::vector<Span> spans;
  std::vector<float> millis;
  std::atomic<bool> is_done = false;
  std::thread publisher([&] {
    for (int i = 1; i <= options.publishes && !is_ending(); ++i) {
      std::this_thread::sleep_for(k_pause);
      services.front() = route_of(options, 0, i);
      const Clock::time_point begin = Clock::now();
      const auto took = link.adopt(services);
      spans.push_back({begin, Clock::now()});
      millis.push_back(std::chrono::duration<float, std::milli>(took).count());
    }
    is_done = true;
  });
  const Window window = load.run_until([&] { return is_done.load(); });
  publisher.join();
  if (load.failed()) give_up("the load failed: " + load.failure());
  load.disconnect();
  const double slowest = static_cast<double>(slowest_during(window, spans));
  const std::string size = fmt::format("{} services, {} endpoints", options.services,
                                       options.services * options.endpoints);
  return {
      {.what = size + ": published to adopted, p99",
       .unit = "ms",
       .bar = 100,
       .of = {percentile(millis, 0.99), {}, {}}},
      {.what = fmt::format("  slowest request meanwhile ÷ usual p99 of {:.2f} ms", usual / 1000),
       .unit = "x",
       .bar = 1.5,
       .of = {slowest / usual, {}, {}}}};
}

}  // namespace hitless::bench
