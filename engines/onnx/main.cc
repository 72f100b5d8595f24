// hitless-onnx: serves one ONNX model package over the Open Inference Protocol.
//
// Threads: main waits for signals; a loader opens the model while /v2/health/live already answers;
// the HTTP server has its own.  Keep the command line short: ONNX Runtime overflows its stack on
// one of more than some ten thousand characters.
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "engines/onnx/inference_service.h"
#include "engines/onnx/package.h"
#include "engines/onnx/protocol.h"
#include "net/http_server.h"

namespace hitless::onnx {
namespace {

// Longer than any inference; whoever stops us decides with SIGKILL when it has waited enough.
constexpr Duration k_stop_timeout = std::chrono::minutes(10);

struct Options {
  std::string package;
  std::string listen;
  std::string name = "model";
  std::string runtime;
  std::size_t threads = 2;
  std::size_t queue = 256;
  bool check = false;
};

struct Loaded {
  std::unique_ptr<Session> session;
  std::string model_file;
  std::int64_t micros = 0;
};

Result<Loaded> load_model(const Runtime& runtime, const std::string& package) {
  const auto begin = std::chrono::steady_clock::now();
  HL_TRY_ASSIGN(const std::filesystem::path file, find_model_file(package));
  HL_TRY_ASSIGN(std::unique_ptr<Session> session, Session::load(runtime, file));
  const auto took = std::chrono::steady_clock::now() - begin;
  return Loaded{std::move(session), file.filename().string(),
                std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
}

Result<std::unique_ptr<Runtime>> load_runtime(const Options& options) {
  HL_TRY_ASSIGN(const std::filesystem::path library, find_runtime_library(options.runtime));
  return Runtime::load(library);
}

// Loads as serving would, prints the signature as one line of JSON.
Result<void> check(const Options& options) {
  HL_TRY_ASSIGN(const std::unique_ptr<Runtime> runtime, load_runtime(options));
  HL_TRY_ASSIGN(const Loaded loaded, load_model(*runtime, options.package));
  const Session& session = *loaded.session;
  std::puts(model_metadata_text(options.name, {session.inputs(), session.outputs()}).c_str());
  return {};
}

void warm_up_and_log(const Loaded& loaded) {
  const auto warm = warm_up(*loaded.session);
  if (!warm) log_info("warm_up_refused", {{"reason", warm.error().text()}});
  log_info("ready", {{"model_file", loaded.model_file},
                     {"load_us", std::to_string(loaded.micros)},
                     {"inputs", std::to_string(loaded.session->inputs().size())},
                     {"outputs", std::to_string(loaded.session->outputs().size())}});
}

sigset_t block_our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

Result<void> serve(const Options& options) {
  const sigset_t signals = block_our_signals();  // inherited by every thread from here on
  HL_TRY(open_log(LogLevel::info, ""));
  HL_TRY_ASSIGN(const Address address, parse_address(options.listen));
  HL_TRY_ASSIGN(const std::unique_ptr<Runtime> runtime, load_runtime(options));
  InferenceService service(options.name, runtime->version());
  Result<Loaded> loaded = Error(Code::unavailable, "still loading");
  std::atomic<bool> load_ended = false;
  HL_TRY_ASSIGN(const std::unique_ptr<net::HttpServer> server,
                net::HttpServer::start({.listen = {address},
                                        .handler_threads = options.threads,
                                        .queue_max = options.queue,
                                        .stop_timeout = k_stop_timeout},
                                       [&](const net::HttpRequest& request, const net::HttpPeer&) {
                                         return service.handle(request);
                                       }));
  log_info("listening", {{"address", to_text(server->addresses().front())},
                         {"onnxruntime", runtime->version()}});

  std::thread loader([&, main = pthread_self()] {
    loaded = load_model(*runtime, options.package);
    load_ended = true;
    if (!loaded) {
      pthread_kill(main, SIGUSR1);
      return;
    }
    warm_up_and_log(*loaded);
    service.become_ready(*loaded->session);
  });

  int signal = 0;
  sigwait(&signals, &signal);
  log_info("stopping", {{"signal", std::to_string(signal)}});
  server->stop();
  // Loading cannot be interrupted, and nothing has been promised to anybody yet.
  if (!load_ended) std::_Exit(0);
  loader.join();
  if (!loaded) return std::move(loaded).error();
  return {};
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Serves one ONNX model package (DIR/model/config.json and one DIR/model/*.onnx) "
      "over the Open Inference Protocol");
  app.add_option("--model-dir", options.package, "The package's folder")->required();
  app.add_option("--listen", options.listen, "unix:/path or host:port; port 0 picks one");
  app.add_option("--name", options.name, "The model's name in addresses and answers")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Inferences at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--queue", options.queue, "Requests waiting for a thread; more answer 503")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--runtime", options.runtime, "libonnxruntime.so; default: beside this program");
  app.add_flag("--check", options.check, "Load, print inputs and outputs as JSON, and end");
  CLI11_PARSE(app, argc, argv);
  if (!options.check && options.listen.empty()) {
    std::fputs("hitless-onnx: --listen is needed unless --check is given\n", stderr);
    return 2;
  }
  const Result<void> ended = options.check ? check(options) : serve(options);
  if (ended) return 0;
  fmt::print(stderr, "hitless-onnx: {}\n", ended.error().text());
  return 1;
}

}  // namespace
}  // namespace hitless::onnx

int main(int argc, char** argv) {
  return hitless::onnx::run(argc, argv);
}
