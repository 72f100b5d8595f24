#include "bench/upgrades.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "net/http_client.h"
#include "tests/support/hitless_process.h"
#include "tests/support/pretend_service.h"
#include "tests/support/subprocess.h"

namespace hitless::bench {
namespace {

using std::chrono::steady_clock;
using tests::Entry;

// Milliseconds of one upgrade.
struct Measured {
  double drain_to_stop = 0;
  double ready_to_routed = 0;
  double ready_to_first_answer = 0;  // by the caller's clock
  double start_to_ready = 0;         // the longest
  double start_to_ready_mean = 0;    // from its creation, as hitless measured it
  double start_told = 0;             // what the model needs, and no machine
  double rollout = 0;
  double proof = 0;         // phases of baking
  double rollout_seen = 0;  // by the caller's clock, from PUT to the last phase
  int waves = 1;

  // What of it is not the model's own start: making processes and probing them is in here …
  double to_ideal() const { return rollout / (waves * start_told); }
  // … and in the denominator here, so that the rest is left: routing, draining, stopping, deciding.
  double to_measured() const { return rollout / (waves * start_to_ready_mean); }
};

double millis(steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double number(const json::object& object, std::string_view name) {
  const auto value = find_number(object, name);
  return value && *value ? **value : 0;
}

// Calls the service one request after the other and notes when a version answered first.
class Caller {
 public:
  Caller(const tests::HitlessProcess& hitless, const std::string& service, std::string version)
      : version_(std::move(version)), client_(net::HttpClient::make()) {
    call_.to = hitless.gateway();
    call_.request = {.method = "POST",
                     .target = "/v1/infers/" + service + "/predict?pad=0",
                     .headers = {{"X-Auth-Token", hitless.token()}},
                     .body = "x"};
    thread_ = std::thread([this] { run(); });
  }
  ~Caller() {
    stopping_ = true;
    thread_.join();
  }

  // Milliseconds since 1970; 0: not yet.
  double first_answer() const { return first_answer_; }

 private:
  void run() {
    while (!stopping_) {
      const auto answer = client_->fetch(call_);
      if (!answer || answer->body.find("\"" + version_ + "\"") == std::string::npos) continue;
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      first_answer_ = std::chrono::duration<double, std::milli>(now).count();
      return;
    }
  }

  const std::string version_;
  std::unique_ptr<net::HttpClient> client_;
  net::HttpCall call_;
  std::atomic<double> first_answer_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// When the first of the rollout's own instances was ready, in milliseconds since 1970.
double first_ready(const json::object& rollout) {
  double first = 0;
  for (const json::value& each : rollout.at("instances").as_array()) {
    const json::object& instance = each.as_object();
    const auto of_this = find_string(instance, "rollout_id");
    const bool is_ours = of_this && *of_this && **of_this == rollout.at("rollout_id").as_string();
    const double ready = number(instance, "ready_at");
    if (is_ours && ready > 0 && (first == 0 || ready < first)) first = ready;
  }
  return first;
}

double mean_start(const json::object& rollout) {
  double sum = 0;
  int count = 0;
  for (const json::value& each : rollout.at("instances").as_array()) {
    const json::object& instance = each.as_object();
    const auto of_this = find_string(instance, "rollout_id");
    if (!of_this || !*of_this || **of_this != rollout.at("rollout_id").as_string()) continue;
    sum += number(instance, "ready_at") - number(instance, "created_at");
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

double phase_millis(const json::object& report, std::string_view phase) {
  double micros = 0;
  for (const json::value& each : report.at("phases").as_array()) {
    if (each.at("phase").as_string() == phase) micros += number(each.as_object(), "duration_us");
  }
  return micros / 1000;
}

Measured upgrade(tests::HitlessProcess& hitless, tests::PretendService& service,
                 const std::string& model, const std::string& version, int count) {
  const Caller caller(hitless, service.id(), version);
  const auto began = steady_clock::now();
  const std::string id = service.update({{.model_id = model, .count = count}});
  const std::string phase = service.wait_for_end(id);
  Measured measured;
  measured.rollout_seen = millis(steady_clock::now() - began);
  measured.waves = count;  // one more than the count at a time (max_surge 1)
  if (phase != "succeeded") fmt::print(stderr, "the upgrade ended as {}\n", phase);
  const json::object rollout = service.rollout(id);
  const json::object& report = rollout.at("report").as_object();
  measured.drain_to_stop = number(report, "drain_to_stop_us") / 1000;
  measured.ready_to_routed = number(report, "ready_to_routed_us") / 1000;
  measured.start_to_ready = number(report, "start_to_ready_us") / 1000;
  measured.start_to_ready_mean = mean_start(rollout);
  measured.proof = phase_millis(report, "baking");
  measured.rollout = number(rollout, "ended_at") - number(rollout, "created_at");
  tests::eventually([&] { return caller.first_answer() > 0; });
  measured.ready_to_first_answer = caller.first_answer() - first_ready(rollout);
  return measured;
}

// The ideal has no time in which nothing starts: a proof is measured apart.
std::vector<Measured> measure(const UpgradeOptions& options, int count, bool proves) {
  const json::object policy =
      proves ? json::object() : json::object{{"judgement", {{"proving_seconds", 0}}}};
  const auto hitless = tests::HitlessProcess::start();
  const std::vector<std::string> flags{"--start-delay-ms", fmt::format("{}", options.start_ms)};
  const std::string versions[] = {"v1", "v2"};
  std::string models[2];
  for (int i = 0; i < 2; ++i) {
    models[i] = tests::import_model(*hitless, {.version = versions[i], .flags = flags});
  }
  tests::PretendService service(*hitless, "bench", {{.model_id = models[0], .count = count}},
                                policy);
  service.wait_for_end(service.newest_rollout());
  std::vector<Measured> all;
  for (int i = 1; i <= options.repetitions; ++i) {
    all.push_back(upgrade(*hitless, service, models[i % 2], versions[i % 2], count));
    all.back().start_told = options.start_ms;
  }
  return all;
}

Row row(const std::string& what, const std::string& unit, double bar,
        const std::vector<Measured>& all, const std::function<double(const Measured&)>& of) {
  std::vector<double> values;
  for (const Measured& each : all) values.push_back(of(each));
  return row_of(what, unit, bar, std::move(values));
}

std::vector<Row> rows_of(int count, const std::vector<Measured>& all) {
  const auto named = [count](const char* what) {
    return fmt::format("{} ({} instance{})", what, count, count == 1 ? "" : "s");
  };
  const auto of = [](double Measured::*member) {
    return [member](const Measured& each) { return each.*member; };
  };
  return {
      row(named("drain begun to told to stop"), "ms", 100, all, of(&Measured::drain_to_stop)),
      row(named("ready to routed"), "ms", 50, all, of(&Measured::ready_to_routed)),
      row(named("ready to first answer, seen by a caller"), "ms", 50, all,
          of(&Measured::ready_to_first_answer)),
      row(named("start to ready"), "ms", 0, all, of(&Measured::start_to_ready)),
      row(named("rollout"), "ms", 0, all, of(&Measured::rollout)),
      row(named("rollout, seen by a caller"), "ms", 0, all, of(&Measured::rollout_seen)),
      row(named("rollout / (waves x start time the model is told)"), "x", 1.1, all,
          [](const Measured& each) { return each.to_ideal(); }),
      row(named("rollout / (waves x mean measured start to ready)"), "x", 0, all,
          [](const Measured& each) { return each.to_measured(); }),
  };
}

}  // namespace

std::vector<Row> measure_upgrades(const UpgradeOptions& options, int count) {
  return rows_of(count, measure(options, count, false));
}

Row measure_proof(const UpgradeOptions& options) {
  return row("proof, of a service whose calls end with the first new answer (1 instance)", "ms", 0,
             measure(options, 1, true), [](const Measured& each) { return each.proof; });
}

}  // namespace hitless::bench
