#include "bench/idle.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.h"
#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;
using tests::HitlessProcess;

// A thousand processes start on the cores that there are.
constexpr std::chrono::minutes k_start_patience{10};
// What starting leaves to be done: the reports' last windows, counters to write.
constexpr std::chrono::seconds k_rest{15};

// Health as by default: asked every five seconds.
std::string import_idle_model(HitlessProcess& hitless) {
  const fs::path package = hitless.folder() / "idle-package";
  fs::create_directories(package / "model");
  const fs::path program = hitless.folder() / "model-server-idle";
  fs::copy_file(HITLESS_IDLE_MODEL, program);
  std::ofstream(package / "model" / "config.json") << to_json_text(
      json::object{{"model_type", "Custom"},
                   {"model_algorithm", "idleness"},
                   {"command", json::array{program.string(), "{listen}"}},
                   {"listen", "unix"},
                   {"health", {{"check_method", "HTTP"}, {"protocol", "http"}, {"url", "/"}}}});
  const tests::ApiAnswer made = tests::post_model(hitless, "idle", "0.0.1", "Custom", package);
  HL_CHECK(made.status == 200);
  const std::string id(made.object().at("model_id").as_string());
  tests::wait_for_import(hitless, id);
  return id;
}

std::int64_t running_services(HitlessProcess& hitless) {
  const tests::ApiAnswer answer = hitless.get("/services?status=running&limit=1");
  if (answer.status != 200) return 0;
  return answer.object().at("total_count").to_number<std::int64_t>();
}

double cpu_seconds(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double resident_mb(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) * 1024 / 1e6;
  }
  return 0;
}

double percent_of_a_core(pid_t pid, int seconds) {
  const auto began = std::chrono::steady_clock::now();
  const double before = cpu_seconds(pid);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  return (cpu_seconds(pid) - before) / passed.count() * 100;
}

}  // namespace

std::vector<Row> measure_idle(const IdleOptions& options) {
  const auto hitless = HitlessProcess::start({.serve_flags = {"--pool-memory", "1048576"}});
  const std::string model = import_idle_model(*hitless);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < options.services; ++i) {
    const tests::PretendService made(*hitless, fmt::format("idle-{}", i),
                                     {{.model_id = model, .count = 1, .memory_mib = 64}});
    // Not more at a time than can be started within their deadlines.
    tests::eventually([&] { return running_services(*hitless) > i - 16; }, k_start_patience);
  }
  HL_CHECK(tests::eventually([&] { return running_services(*hitless) == options.services; },
                             k_start_patience));
  const std::chrono::duration<double> start = std::chrono::steady_clock::now() - began;
  std::this_thread::sleep_for(k_rest);
  const pid_t serve = hitless->serve_pid();
  const double busy = percent_of_a_core(serve, options.seconds);
  const auto named = [&](const char* what) {
    return fmt::format("{} ({} services, each with a running instance)", what, options.services);
  };
  std::vector<Row> rows{
      row_of(named("serve idle, CPU"), "%", 1, {busy}),
      row_of(named("serve idle, memory"), "MB", 200, {resident_mb(serve)}),
      row_of(named("gateway idle, CPU"), "%", 0,
             {percent_of_a_core(hitless->gateway_pid(), options.seconds)}),
      row_of(named("from the first POST until all run"), "s", 0, {start.count()})};
  const auto told = std::chrono::steady_clock::now();
  hitless->down();
  const std::chrono::duration<double> end = std::chrono::steady_clock::now() - told;
  rows.push_back(row_of(named("`hitless down` until all have ended"), "s", 0, {end.count()}));
  return rows;
}

}  // namespace hitless::bench
