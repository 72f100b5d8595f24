#include "bench/gateway/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "base/file.h"
#include "bench/gateway/interrupt.h"

namespace hitless::bench {
namespace {

// Above that a run says more about others than about the proxy.
constexpr double k_foreign_max = 0.10;
constexpr double k_stolen_max = 0.05;
constexpr double k_busy_min = 0.02;
// Rounds for one that counts, at the most.
constexpr int k_tries_max = 3;

struct Snapshot {
  std::vector<CoreTimes> cores;
  double proxy = 0;  // seconds on a core
  double load = 0;
};

Snapshot take_snapshot(const std::vector<pid_t>& proxy) {
  return {.cores = core_times(),
          .proxy = static_cast<double>(cpu_nanos(proxy)) / 1e9,
          .load = static_cast<double>(cpu_nanos({::getpid()})) / 1e9};
}

// What was used of a core by others than `own`.
double foreign(const CoreTimes& before, const CoreTimes& after, double own, double seconds) {
  return std::max(0.0, after.busy - before.busy - own) / seconds;
}

Run run_between(const Snapshot& before, const Snapshot& after, const Window& window,
                const Cores& cores) {
  const auto proxy = static_cast<std::size_t>(cores.proxy);
  const auto load = static_cast<std::size_t>(cores.load);
  const double cpu = after.proxy - before.proxy;
  const double stolen = std::max(after.cores[proxy].stolen - before.cores[proxy].stolen,
                                 after.cores[load].stolen - before.cores[load].stolen);
  return {.cpu_us = cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(window.units, 1)),
          .rate = static_cast<double>(window.units) / window.seconds,
          .p50_us = percentile(window.latency_us, 0.50),
          .p99_us = percentile(window.latency_us, 0.99),
          .first_byte_us = percentile(window.first_byte_us, 0.50),
          .busy = cpu / window.seconds,
          .foreign = std::max(foreign(before.cores[proxy], after.cores[proxy], cpu, window.seconds),
                              foreign(before.cores[load], after.cores[load],
                                      after.load - before.load, window.seconds)),
          .stolen = stolen / window.seconds};
}

// A run that failed measured nothing, and a benchmark that goes on would hide it.
void expect_success(const Load& load, const std::string& who) {
  if (load.failed()) give_up(fmt::format("the load through {} failed: {}", who, load.failure()));
}

// The proxies of one scenario and the load that goes through each in turn.
class Bench {
 public:
  Bench(const Scenario& scenario, const CompareOptions& options)
      : scenario_(scenario),
        options_(options),
        folder_(std::move(TemporaryDirectory::make("hitless-bench")).value()),
        load_(scenario.shape, folder_.path()) {
    for (const Kind kind : k_kinds) {
      proxies_.push_back(start_proxy({.kind = kind,
                                      .tuning = scenario.tuning,
                                      .upstream = load_.upstream(),
                                      .folder = folder_.path() / to_text(kind),
                                      .core = options.cores.proxy,
                                      .launcher = {}}));
    }
  }

  // Who begins changes from round to round: what comes first may have it easier.
  Round round(std::size_t first) {
    Round made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const std::size_t turn = (first + i) % made.size();
      made[turn] = run(k_kinds[turn]);
    }
    return made;
  }

  // The median delay of an event; without a kind: straight to the instance.
  double delay(const Kind* kind) {
    if (is_ending()) return 0;
    load_.connect(kind == nullptr ? load_.upstream() : proxy(*kind).address(), scenario_.clients);
    load_.run_each_once();
    load_.run_for(options_.warm_up);
    const Window window = load_.run_for(options_.time);
    load_.disconnect();
    expect_success(load_, kind == nullptr ? "nothing" : to_text(*kind));
    return percentile(window.latency_us, 0.50);
  }

 private:
  Proxy& proxy(Kind kind) { return *proxies_[static_cast<std::size_t>(kind)]; }

  Run run(Kind kind) {
    if (is_ending()) return {};
    load_.connect(proxy(kind).address(), scenario_.clients);
    Window first = load_.run_each_once();
    load_.run_for(options_.warm_up);
    const std::vector<pid_t> pids = proxy(kind).pids();
    const Snapshot before = take_snapshot(pids);
    Window window = load_.run_for(options_.time);
    // A stream has but one, at its beginning.
    if (window.first_byte_us.empty()) window.first_byte_us = std::move(first.first_byte_us);
    const Snapshot after = take_snapshot(pids);
    load_.disconnect();
    expect_success(load_, to_text(kind));
    return run_between(before, after, window, options_.cores);
  }

  const Scenario scenario_;
  const CompareOptions options_;
  const TemporaryDirectory folder_;
  Load load_;
  std::vector<std::unique_ptr<Proxy>> proxies_;
};

double noise_of(const Round& round) {
  double most = 0;
  for (const Run& run : round) most = std::max(most, run.foreign + run.stolen);
  return most;
}

bool is_quiet(const Round& round) {
  return std::all_of(round.begin(), round.end(), [](const Run& run) { return run.is_quiet(); });
}

// A proxy that hardly came to its core has shown nothing.
bool has_measured(const Round& round) {
  return std::all_of(round.begin(), round.end(),
                     [](const Run& run) { return run.busy >= k_busy_min; });
}

void tell(const Scenario& scenario, std::size_t number, const Round& round) {
  std::string line;
  for (std::size_t i = 0; i < round.size(); ++i) {
    line += fmt::format("  {} {:.2f} µs", to_text(k_kinds[i]), round[i].cpu_us);
  }
  fmt::print(stderr, "  {}, round {}:{}{}\n", scenario.name, number, line,
             is_quiet(round) ? "" : "  (disturbed)");
}

void print_runs(const Comparison& comparison, Kind kind) {
  const auto all = [&](double Run::*member) {
    std::vector<double> values;
    for (const Round& round : comparison.rounds) {
      values.push_back(round[static_cast<std::size_t>(kind)].*member);
    }
    return values;
  };
  const auto middle = [&](double Run::*member) { return median(all(member)); };
  fmt::print("  {:<8} {:>9.2f} {:>9.2f} {:>10.0f} {:>9.0f} {:>9.0f} {:>11.0f} {:>6.0f} %\n",
             to_text(kind), smallest(all(&Run::cpu_us)), middle(&Run::cpu_us), middle(&Run::rate),
             middle(&Run::p50_us), middle(&Run::p99_us), middle(&Run::first_byte_us),
             100 * middle(&Run::busy));
}

json::object to_json(const Run& run) {
  return {{"cpu_us", run.cpu_us},   {"rate", run.rate},    {"p50_us", run.p50_us},
          {"p99_us", run.p99_us},   {"busy", run.busy},    {"first_byte_us", run.first_byte_us},
          {"foreign", run.foreign}, {"stolen", run.stolen}};
}

}  // namespace

bool Run::is_quiet() const {
  return foreign <= k_foreign_max && stolen <= k_stolen_max;
}

std::vector<double> Comparison::cpu_of(Kind kind) const {
  std::vector<double> values;
  for (const Round& round : rounds) {
    values.push_back(round[static_cast<std::size_t>(kind)].cpu_us);
  }
  return values;
}

Kind Comparison::better_peer() const {
  constexpr Kind peers[] = {Kind::nginx, Kind::haproxy};
  return peers[best_of({cpu_of(Kind::nginx), cpu_of(Kind::haproxy)})];
}

Ratio Comparison::ratio() const {
  return ratio_to_best(cpu_of(Kind::hitless), {cpu_of(Kind::nginx), cpu_of(Kind::haproxy)});
}

Comparison compare(const Scenario& scenario, const CompareOptions& options) {
  Bench bench(scenario, options);
  const auto wanted = static_cast<std::size_t>(options.rounds);
  std::vector<Round> all;
  std::size_t quiet = 0;
  for (std::size_t number = 0; quiet < wanted && number < k_tries_max * wanted; ++number) {
    const Round round = bench.round(number % std::size(k_kinds));
    if (is_ending()) return {};
    tell(scenario, number + 1, round);
    if (has_measured(round)) all.push_back(round);
    quiet += is_quiet(round) ? 1 : 0;
  }
  if (all.empty()) {
    give_up("others take all of these cores");
    return {};
  }
  std::stable_sort(all.begin(), all.end(), [](const Round& one, const Round& other) {
    return noise_of(one) < noise_of(other);
  });
  all.resize(std::min(all.size(), wanted));
  Comparison made{.scenario = scenario, .rounds = std::move(all), .disturbed = 0};
  for (const Round& round : made.rounds) made.disturbed += is_quiet(round) ? 0 : 1;
  return made;
}

std::array<double, std::size(k_kinds)> added_delay(const Scenario& scenario,
                                                   const CompareOptions& options) {
  Scenario spread = scenario;
  spread.shape.is_spread = true;
  Bench bench(spread, options);
  std::array<std::vector<double>, std::size(k_kinds)> added;
  for (int round = 0; round < options.rounds && !is_ending(); ++round) {
    const double direct = bench.delay(nullptr);
    for (std::size_t i = 0; i < std::size(k_kinds) && !is_ending(); ++i) {
      added[i].push_back(bench.delay(&k_kinds[i]) - direct);
    }
  }
  std::array<double, std::size(k_kinds)> medians{};
  for (std::size_t i = 0; i < medians.size(); ++i) medians[i] = median(added[i]);
  return medians;
}

void print(const Comparison& comparison) {
  const Ratio ratio = comparison.ratio();
  fmt::print("{}\n  {:.3f} of {} (median of the rounds {:.3f}), bar {:.2f}: {}\n",
             comparison.scenario.what, ratio.of_minima, to_text(comparison.better_peer()),
             ratio.median, comparison.scenario.bar, comparison.is_met() ? "ok" : "MISSED");
  fmt::print("  {:<8} {:>9} {:>9} {:>10} {:>9} {:>9} {:>11} {:>8}\n", "", "CPU µs", "median",
             "per s", "p50 µs", "p99 µs", "1st byte µs", "core");
  for (const Kind kind : k_kinds) print_runs(comparison, kind);
  if (comparison.disturbed > 0) {
    fmt::print("  others used these cores in {} of the {} rounds that count\n",
               comparison.disturbed, comparison.rounds.size());
  }
}

json::object to_json(const Comparison& comparison) {
  const Ratio ratio = comparison.ratio();
  json::object runs;
  for (const Kind kind : k_kinds) {
    json::array all;
    for (const Round& round : comparison.rounds) {
      all.push_back(to_json(round[static_cast<std::size_t>(kind)]));
    }
    runs[to_text(kind)] = std::move(all);
  }
  return {{"name", comparison.scenario.name}, {"what", comparison.scenario.what},
          {"bar", comparison.scenario.bar},   {"ratio_of_minima", ratio.of_minima},
          {"median_of_ratios", ratio.median}, {"better_peer", to_text(comparison.better_peer())},
          {"met", comparison.is_met()},       {"runs", std::move(runs)}};
}

}  // namespace hitless::bench
