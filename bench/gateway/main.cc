// ./dev bench gateway: what a request through `hitless gateway` costs beside nginx and HAProxy.
// Measures, never fails by time.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>

#include "base/log.h"
#include "bench/gateway/compare.h"
#include "bench/gateway/interrupt.h"
#include "bench/rows.h"

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
    made.rounds = 3;
    made.time = std::chrono::milliseconds(700);
  }
  if (options.rounds > 0) made.rounds = options.rounds;
  return made;
}

Row delay_row(const Scenario& scenario, const CompareOptions& options) {
  const auto added = added_delay(scenario, options);
  return row_of(fmt::format("SSE: added to an event's median delay (nginx {:.3f}, haproxy {:.3f})",
                            added[1] / 1000, added[2] / 1000),
                "ms", 0.2, {added[0] / 1000});
}

void measure(const Options& options) {
  const CompareOptions compared = compare_options(options);
  pin_this_process(compared.cores.load);
  json::array comparisons;
  std::vector<Row> rows;
  for (const Scenario& scenario : scenarios()) {
    if (!options.wants(scenario.name)) continue;
    const Comparison made = compare(scenario, compared);
    if (is_ending()) return;
    print(made);
    comparisons.push_back(to_json(made));
    if (scenario.shape.is_stream) rows.push_back(delay_row(scenario, compared));
  }
  if (is_ending()) return;
  if (!rows.empty()) print(rows);
  if (options.json_file.empty()) return;
  std::ofstream(options.json_file) << to_pretty_json_text(
      json::object{{"comparisons", std::move(comparisons)}, {"rows", to_json(rows)}});
}

std::string names() {
  std::string all;
  for (const Scenario& scenario : scenarios()) all += " " + scenario.name;
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
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const auto opened = hitless::open_log(hitless::LogLevel::error, ""); !opened) return 1;
  measure(options);
  return has_given_up() ? 1 : is_ending() ? 130 : 0;
}
