// ./dev bench rollout: how long changes take, what planning and deciding cost, and what `serve`
// takes while nothing happens.  Measures, never fails by time.
#include <CLI/CLI.hpp>
#include <fstream>

#include "bench/decisions.h"
#include "bench/idle.h"
#include "bench/upgrades.h"
#include "tests/support/hitless_process.h"

namespace hitless::bench {
namespace {

constexpr int k_many_instances = 128;

struct Options {
  UpgradeOptions upgrades;
  IdleOptions idle;
  std::vector<int> counts{1, 4, 16};
  std::string json_file;
};

std::vector<Row> measure(const Options& options) {
  std::vector<Row> rows{measure_plan(k_many_instances), measure_steps(k_many_instances)};
  const auto add = [&](const std::vector<Row>& more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  for (const int count : options.counts) add(measure_upgrades(options.upgrades, count));
  rows.push_back(measure_proof(options.upgrades));
  if (options.idle.services > 0) add(measure_idle(options.idle));
  return rows;
}

}  // namespace
}  // namespace hitless::bench

int main(int argc, char** argv) {
  using namespace hitless::bench;
  CLI::App program("What changes take, against the bars of the design", "bench_rollout");
  Options options;
  program.add_option("--start-ms", options.upgrades.start_ms, "What an instance needs to start")
      ->capture_default_str();
  program.add_option("--repetitions", options.upgrades.repetitions, "Upgrades for each count")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  program.add_option("--counts", options.counts, "Instances of the services that are upgraded")
      ->delimiter(',')
      ->capture_default_str();
  program.add_option("--idle-services", options.idle.services, "0: leave that part out")
      ->capture_default_str();
  program.add_option("--json", options.json_file, "Also write the figures to this file");
  CLI11_PARSE(program, argc, argv);
  hitless::tests::prepare_outside_of_tests();
  const std::vector<Row> rows = measure(options);
  print(rows);
  if (!options.json_file.empty()) {
    std::ofstream(options.json_file) << hitless::to_pretty_json_text(
        hitless::json::object{{"start_ms", options.upgrades.start_ms},
                              {"repetitions", options.upgrades.repetitions},
                              {"rows", to_json(rows)}});
  }
  return 0;
}
