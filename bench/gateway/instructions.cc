#include <fmt/format.h>

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

constexpr std::size_t k_file_bytes_max = 64 * 1024 * 1024;

struct Counted {
  std::string what;
  Tuning tuning = Tuning::small;
  Shape shape;
  std::size_t clients = 32;
  double bar = 0;
  std::uint64_t few = 0;  // units
  std::uint64_t many = 0;
};

std::vector<Counted> counted(bool is_quick) {
  return {{.what = "user-space instructions per small request, 32 clients",
           .bar = 7000,
           .few = 2000,
           .many = is_quick ? 6000U : 12'000U},
          // Slower than elsewhere, so that no event catches up with another under valgrind.
          {.what = "user-space instructions per SSE event, 100 streams",
           .tuning = Tuning::stream,
           .shape = {.is_stream = true, .interval = std::chrono::milliseconds(25)},
           .clients = 100,
           .bar = 800,
           .few = 4000,
           .many = is_quick ? 12'000U : 24'000U}};
}

std::optional<std::int64_t> sum_of_files(const fs::path& folder) {
  std::optional<std::int64_t> sum;
  for (const auto& file : fs::directory_iterator(folder)) {
    const auto text = read_file(file.path(), k_file_bytes_max);
    const auto instructions = text ? instructions_in(*text) : std::nullopt;
    if (!instructions) return std::nullopt;
    sum = sum.value_or(0) + *instructions;
  }
  return sum;
}

// A life of the proxy with that many units.
std::optional<std::int64_t> instructions_for(Kind kind, const Counted& counted, std::uint64_t units,
                                             const ExactOptions& options) {
  const auto folder = TemporaryDirectory::make("hitless-bench");
  HL_CHECK(folder);
  const fs::path counts = folder->path() / "counts";
  fs::create_directory(counts);
  Load load(counted.shape, folder->path());
  const auto proxy = start_proxy(
      {.kind = kind,
       .tuning = counted.tuning,
       .upstream = load.upstream(),
       .folder = folder->path() / to_text(kind),
       .core = options.cores.proxy,
       .launcher = {"/usr/bin/valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no",
                    "--cachegrind-out-file=" + (counts / "%p").string()}});
  if (is_ending()) return std::nullopt;
  load.connect(proxy->address(), counted.clients);
  load.run_each_once();
  load.run_units(units);
  if (load.failed()) {
    give_up(fmt::format("the load through {} failed: {}", to_text(kind), load.failure()));
  }
  load.disconnect();
  proxy->stop();
  return sum_of_files(counts);
}

std::optional<double> slope(Kind kind, const Counted& counted, const ExactOptions& options) {
  const auto few = instructions_for(kind, counted, counted.few, options);
  const auto many = instructions_for(kind, counted, counted.many, options);
  if (!few || !many) return std::nullopt;
  return static_cast<double>(*many - *few) / static_cast<double>(counted.many - counted.few);
}

}  // namespace

std::vector<Figure> measure_instructions(const ExactOptions& options) {
  std::vector<Figure> figures;
  for (const Counted& each : counted(options.is_quick)) {
    fmt::print(stderr, "  {}\n", each.what);
    Figure figure{.what = each.what, .unit = "", .bar = each.bar, .of = {}};
    for (const Kind kind : k_kinds) {
      if (is_ending()) return {};
      figure.of[static_cast<std::size_t>(kind)] = slope(kind, each, options);
    }
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace hitless::bench
