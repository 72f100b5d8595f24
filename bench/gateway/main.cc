// ./dev bench gateway: what a request through `hitless gateway` costs beside nginx and HAProxy.
// Measures, never fails by time.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>

#include "base/log.h"
#include "bench/gateway/compare.h"
#include "bench/gateway/exact.h"
#include "bench/gateway/figures.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/table_swap.h"

namespace hitless::bench {
namespace {

struct Options {
  bool is_quick = false;
  std::vector<std::string> only;  // empty: all
  int rounds = 0;                 // 0: as many as the form has
  std::string json_file;

  bool wants(const std::string& name) const {
    return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
  }
};

CompareOptions compare_options(const Options& options) {
  CompareOptions made{.cores = choose_cores()};
  if (options.is_quick) {
    made.rounds = 4;
    made.time = std::chrono::milliseconds(400);
  }
  if (options.rounds > 0) made.rounds = options.rounds;
  return made;
}

Figure delay_figure(const Scenario& scenario, const CompareOptions& options) {
  Figure figure{
      .what = "SSE: added to an event's median delay", .unit = "ms", .bar = 0.2, .of = {}};
  const auto added = added_delay(scenario, options);
  for (std::size_t i = 0; i < added.size(); ++i) figure.of[i] = added[i] / 1000;
  return figure;
}

// What is measured besides the scenarios, by name.
struct Part {
  const char* name;
  std::vector<Figure> (*measure)(const Options&, const Cores&);
};

constexpr Part k_parts[] = {
    {"instructions",
     [](const Options& options, const Cores& cores) {
       return measure_instructions({.is_quick = options.is_quick, .cores = cores});
     }},
    {"calls",
     [](const Options& options, const Cores& cores) {
       return measure_system_calls({.is_quick = options.is_quick, .cores = cores});
     }},
    {"memory",
     [](const Options& options, const Cores& cores) {
       return measure_memory({.is_quick = options.is_quick, .cores = cores});
     }},
    {"table",
     [](const Options& options, const Cores&) {
       return measure_table_swap({.publishes = options.is_quick ? 10 : 50});
     }},
};

struct Measured {
  std::vector<Comparison> comparisons;
  std::vector<Figure> figures;
};

// Shows each when it is there; all of it takes minutes.
Measured measure(const Options& options) {
  const CompareOptions compared = compare_options(options);
  Measured all;
  const auto add = [&all](const std::vector<Figure>& figures) {
    if (is_ending()) return;
    print(figures);
    all.figures.insert(all.figures.end(), figures.begin(), figures.end());
  };
  if (compared.cores.load == compared.cores.proxy) give_up("this needs two cores");
  const AllCores before;
  pin_this_process(compared.cores.load);
  for (const Scenario& scenario : scenarios()) {
    if (is_ending() || !options.wants(scenario.name)) continue;
    Comparison made = compare(scenario, compared);
    if (is_ending()) break;
    print(made);
    all.comparisons.push_back(std::move(made));
    if (scenario.shape.is_stream) add({delay_figure(scenario, compared)});
  }
  for (const Part& part : k_parts) {
    if (is_ending() || !options.wants(part.name)) continue;
    if (part.name == std::string_view("table")) before.restore();
    add(part.measure(options, compared.cores));
  }
  return all;
}

void write_json(const Measured& measured, const std::string& file) {
  json::array comparisons;
  for (const Comparison& each : measured.comparisons) comparisons.push_back(to_json(each));
  std::ofstream(file) << to_pretty_json_text(json::object{{"comparisons", std::move(comparisons)},
                                                          {"figures", to_json(measured.figures)}});
}

std::string names() {
  std::string all;
  for (const Scenario& scenario : scenarios()) all += " " + scenario.name;
  for (const Part& part : k_parts) all += fmt::format(" {}", part.name);
  return all;
}

}  // namespace
}  // namespace hitless::bench

int main(int argc, char** argv) {
  using namespace hitless::bench;
  CLI::App program("What a request through the gateway costs beside nginx and HAProxy",
                   "bench_gateway");
  Options options;
  program.add_flag("--quick", options.is_quick, "Fewer and shorter rounds: a rough idea");
  program.add_option("--only", options.only, "Some of:" + names())->delimiter(',');
  program.add_option("--rounds", options.rounds, "Of each comparison")->check(CLI::Range(1, 100));
  program.add_option("--json", options.json_file, "Also write the figures to this file");
  CLI11_PARSE(program, argc, argv);
  catch_interrupts();
  raise_descriptor_limit();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const auto opened = hitless::open_log(hitless::LogLevel::error, ""); !opened) return 1;
  const Measured measured = measure(options);
  if (!is_ending() && !options.json_file.empty()) write_json(measured, options.json_file);
  return has_given_up() ? 1 : is_ending() ? 130 : 0;
}
