// ./dev bench replace: requests lost while instances that are hard to replace are replaced behind
// `hitless gateway`, nginx and HAProxy.  Measures, never fails.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "bench/gateway/interrupt.h"
#include "bench/gateway/link.h"
#include "bench/gateway/processes.h"
#include "bench/replace/recipe.h"
#include "tests/support/load.h"

namespace hitless::bench {
namespace {

using tests::LeavingInstance;
using tests::LeavingInstances;

struct Options {
  bool is_quick = false;
  std::size_t replacements = 17;     // of each habit: 51 of the three
  std::uint64_t requests = 100'000;  // likewise, at the least
  std::vector<std::string> only;
  std::string json_file;

  bool wants(const std::string& name) const {
    return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
  }
};

// What became of the requests of one habit, or of all.
struct Row {
  std::string recipe;
  std::string habit;
  std::size_t replacements = 0;
  tests::Outcome outcome;
  std::uint64_t taken = 0;  // by the instances

  // More were carried out than asked for.
  std::uint64_t repeated() const { return taken > outcome.requests ? taken - outcome.requests : 0; }

  void add(const Row& other) {
    replacements += other.replacements;
    outcome += other.outcome;
    taken += other.taken;
  }

  std::map<std::string, std::uint64_t> failures() const {
    std::map<std::string, std::uint64_t> all;
    for (const auto& [ending, count] : outcome.by_ending) {
      if (ending != tests::Ending::answered) all[to_text(ending)] = count;
    }
    for (const auto& [status, count] : outcome.by_status) {
      if (status != 200) all[fmt::format("status {}", status)] = count;
    }
    return all;
  }
};

Row measure(const RecipeKind& kind, const std::string& habit, const Options& options) {
  Row row{.recipe = kind.name, .habit = habit, .replacements = 0, .outcome = {}, .taken = 0};
  const auto folder = TemporaryDirectory::make("hitless-replace");
  HL_CHECK(folder);
  LeavingInstances instances(habit, folder->path());
  const std::unique_ptr<Recipe> recipe = kind.start(instances.routed(), folder->path());
  if (is_ending()) return row;
  tests::Load load({.gateway = recipe->address(),
                    .service = k_service,
                    .token = k_token,
                    .threads = 1,
                    .kept_connections = 32,
                    .fresh_connections = 0,
                    .chunked_share = 0,
                    .pipelined_share = 0,
                    .pause = std::chrono::milliseconds(2)});
  const std::uint64_t each = options.requests / (options.replacements + 1);
  const auto wait = [&](std::uint64_t requests) {
    while (!is_ending() && !load.wait_for(requests, std::chrono::seconds(1))) {
    }
    return !is_ending();
  };
  while (instances.replaced() < options.replacements && wait(each * (instances.replaced() + 1))) {
    const bool has_ended =
        instances.replace_oldest([&](const Routed& routed, const LeavingInstance& leaving) {
          recipe->reroute(routed, leaving);
        });
    if (!has_ended) give_up("an instance does not end");
  }
  wait(options.requests);
  row.outcome = load.stop();
  row.replacements = instances.replaced();
  row.taken = instances.taken();
  return row;
}

void print_head() {
  fmt::print("{:<16} {:<16} {:>8} {:>10} {:>8} {:>9} {:>8} {:>8}  {}\n", "recipe", "instances",
             "replaced", "requests", "failed", "repeated", "p99 ms", "worst ms", "how they failed");
}

void print(const Row& row) {
  std::string how;
  for (const auto& [name, count] : row.failures()) {
    how += fmt::format("{}{} {}", how.empty() ? "" : ", ", count, name);
  }
  const auto millis = [&](double share) {
    return static_cast<double>(row.outcome.percentile(share).count()) / 1000;
  };
  fmt::print("{:<16} {:<16} {:>8} {:>10} {:>8} {:>9} {:>8.1f} {:>8.1f}  {}\n", row.recipe,
             row.habit, row.replacements, row.outcome.requests, row.outcome.failed(),
             row.repeated(), millis(0.99), millis(1), how);
}

json::object to_json(const Row& row) {
  json::object failures;
  for (const auto& [name, count] : row.failures()) failures[name] = count;
  json::array examples;
  for (const std::string& each : row.outcome.first_failures) examples.emplace_back(each);
  return {{"recipe", row.recipe},
          {"instances", row.habit},
          {"replacements", row.replacements},
          {"requests", row.outcome.requests},
          {"failed", row.outcome.failed()},
          {"failures", std::move(failures)},
          {"repeated", row.repeated()},
          {"p99_us", row.outcome.percentile(0.99).count()},
          {"longest_us", row.outcome.percentile(1).count()},
          {"examples", std::move(examples)}};
}

// Each habit behind each in turn, so that the machine's moods meet all.
std::vector<Row> measure_all(const Options& options) {
  std::vector<Row> rows, sums;
  for (const RecipeKind& kind : recipes()) {
    if (!options.wants(kind.name)) continue;
    fmt::print("{}: {}\n", kind.name, kind.what);
    sums.push_back(
        {.recipe = kind.name, .habit = "all", .replacements = 0, .outcome = {}, .taken = 0});
  }
  print_head();
  for (const char* habit : tests::k_habits) {
    std::size_t at = 0;
    for (const RecipeKind& kind : recipes()) {
      if (is_ending() || !options.wants(kind.name)) continue;
      rows.push_back(measure(kind, habit, options));
      if (is_ending()) break;
      print(rows.back());
      sums[at++].add(rows.back());
    }
  }
  for (const Row& sum : sums) print(sum);
  rows.insert(rows.end(), sums.begin(), sums.end());
  return rows;
}

std::string names() {
  std::string all;
  for (const RecipeKind& kind : recipes()) all += fmt::format(" {}", kind.name);
  return all;
}

}  // namespace
}  // namespace hitless::bench

int main(int argc, char** argv) {
  using namespace hitless::bench;
  CLI::App program("Requests lost while instances are replaced, beside nginx and HAProxy",
                   "bench_replace");
  Options options;
  program.add_flag("--quick", options.is_quick, "3 replacements of each kind: a rough idea");
  program.add_option("--replacements", options.replacements, "Of each kind of instance")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  program.add_option("--requests", options.requests, "For each kind of instance, at the least")
      ->capture_default_str();
  program.add_option("--only", options.only, "Some of:" + names())->delimiter(',');
  program.add_option("--json", options.json_file, "Also write the figures to this file");
  CLI11_PARSE(program, argc, argv);
  if (options.is_quick) {
    options.replacements = 3;
    options.requests = 10'000;
  }
  catch_interrupts();
  raise_descriptor_limit();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const auto opened = hitless::open_log(hitless::LogLevel::error, ""); !opened) return 1;
  const std::vector<Row> rows = measure_all(options);
  if (!is_ending() && !options.json_file.empty()) {
    hitless::json::array all;
    for (const Row& row : rows) all.push_back(to_json(row));
    std::ofstream(options.json_file)
        << hitless::to_pretty_json_text(hitless::json::object{{"rows", std::move(all)}});
  }
  return has_given_up() ? 1 : is_ending() ? 130 : 0;
}
