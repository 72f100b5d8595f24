// vad-client: streams WAV files through a speech-detecting model and says where speech is.
//
//   vad-client --url http://127.0.0.1:8080/v1/infers/ID --token-file FILE Front_Center.wav
//
// One request after the other, for each needs the state that the one before answered.  With
// --streams it is a load: many such streams at once, for --seconds or --until-stopped.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "examples/vad/load.h"
#include "examples/vad/resample.h"
#include "examples/vad/stream.h"
#include "examples/vad/target.h"
#include "examples/vad/wav.h"
#include "net/http_client.h"

namespace hitless::vad {
namespace {

constexpr std::size_t k_wav_bytes_max = std::size_t{256} * 1024 * 1024;  // 46 minutes at 48 kHz

struct Options {
  std::string url;
  std::string socket;
  std::string token_file;
  std::string expected;
  float threshold = 0.5F;
  bool json = false;
  int streams = 0;
  double seconds = 0;
  bool until_stopped = false;
  int interval_ms = 0;
  std::vector<std::string> files;
};

// What was seen over all files.
struct Tally {
  std::size_t windows = 0;
  std::size_t speech_windows = 0;
  std::vector<std::int64_t> micros;              // of each request
  std::map<std::string, std::size_t> revisions;  // by the header that names them

  double share() const {
    return windows == 0
               ? 0
               : 100.0 * static_cast<double>(speech_windows) / static_cast<double>(windows);
  }
};

Result<net::HttpResponse> ask(net::HttpClient& client, const Target& target, std::string body) {
  net::HttpCall call;
  call.to = target.to;
  call.request.method = "POST";
  call.request.target = target.path;
  call.request.headers.add("Host", target.host);
  call.request.headers.add("Content-Type", "application/json");
  if (!target.token.empty()) call.request.headers.add("X-Auth-Token", target.token);
  call.request.body = std::move(body);
  HL_TRY_ASSIGN(net::HttpResponse response, client.fetch(std::move(call)));
  if (response.status == 200) return response;
  constexpr std::size_t shown_max = 400;
  return Error(Code::unavailable,
               fmt::format("status {}: {}", response.status, response.body.substr(0, shown_max)));
}

Result<SpeechTracker> stream_sound(net::HttpClient& client, const Target& target,
                                   std::vector<float> samples, float threshold, Tally& tally) {
  Stream stream(std::move(samples));
  SpeechTracker tracker(threshold);
  while (auto body = stream.next_request()) {
    const auto begin = std::chrono::steady_clock::now();
    HL_TRY_ASSIGN(const net::HttpResponse response, ask(client, target, std::move(*body)));
    const auto took = std::chrono::steady_clock::now() - begin;
    tally.micros.push_back(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    const std::string revision(response.headers.get("x-hitless-revision"));
    if (!revision.empty()) ++tally.revisions[revision];
    HL_TRY_ASSIGN(const float probability, stream.take_answer(response.body));
    tracker.add(probability);
  }
  tally.windows += tracker.windows();
  tally.speech_windows += tracker.speech_windows();
  return tracker;
}

Result<std::vector<float>> read_samples(const std::string& file) {
  HL_TRY_ASSIGN(const std::string bytes, read_file(file, k_wav_bytes_max));
  HL_TRY_ASSIGN(const Sound sound, parse_wav(bytes));
  return to_model_rate(sound);
}

void print_segments(const std::string& file, const SpeechTracker& tracker) {
  const std::string name = std::filesystem::path(file).filename().string();
  const std::vector<Segment> segments = tracker.segments();
  if (segments.empty()) fmt::print("{}: no speech\n", name);
  for (const Segment& segment : segments) {
    fmt::print("{}: speech from {:.2f} s to {:.2f} s\n", name, segment.begin_seconds,
               segment.end_seconds);
  }
}

std::int64_t percentile(std::vector<std::int64_t> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

json::object summary_of(const Tally& tally, json::array files) {
  json::object revisions;
  for (const auto& [revision, count] : tally.revisions) revisions[revision] = count;
  return {{"requests", tally.micros.size()},
          {"windows", tally.windows},
          {"speech_windows", tally.speech_windows},
          {"speech_percent", tally.share()},
          {"latency_p50_us", percentile(tally.micros, 0.50)},
          {"latency_p99_us", percentile(tally.micros, 0.99)},
          {"revisions", std::move(revisions)},
          {"files", std::move(files)}};
}

void print_summary(const Tally& tally) {
  fmt::print("{} requests, speech in {:.1f} % of the windows, p50 {} us, p99 {} us\n",
             tally.micros.size(), tally.share(), percentile(tally.micros, 0.50),
             percentile(tally.micros, 0.99));
  for (const auto& [revision, count] : tally.revisions) {
    fmt::print("revision {}: {} requests\n", revision, count);
  }
}

json::object describe(const std::string& file, const SpeechTracker& tracker) {
  json::array segments;
  for (const Segment& segment : tracker.segments()) {
    segments.push_back(
        {{"begin_seconds", segment.begin_seconds}, {"end_seconds", segment.end_seconds}});
  }
  return {{"file", file},
          {"windows", tracker.windows()},
          {"speech_windows", tracker.speech_windows()},
          {"segments", std::move(segments)}};
}

struct Range {
  double least = 0;
  double most = 100;
};

Result<Range> parse_range(const std::string& text) {
  Range range;
  int read = 0;
  const bool good = std::sscanf(text.c_str(), "%lf-%lf%n", &range.least, &range.most, &read) == 2 &&
                    static_cast<std::size_t>(read) == text.size() && range.least <= range.most;
  if (good) return range;
  return Error(Code::invalid, fmt::format("--expect-speech {}: must be MIN-MAX in percent", text));
}

Result<void> listen_to_all(const Options& options) {
  HL_TRY_ASSIGN(const Range expected,
                parse_range(options.expected.empty() ? "0-100" : options.expected));
  HL_TRY_ASSIGN(const Target target, find_target(options.url, options.socket, options.token_file));
  const std::unique_ptr<net::HttpClient> client = net::HttpClient::make();
  Tally tally;
  json::array described;
  for (const std::string& file : options.files) {
    auto samples = read_samples(file);
    if (!samples) return std::move(samples).error().context(file);
    auto tracker = stream_sound(*client, target, std::move(*samples), options.threshold, tally);
    if (!tracker) return std::move(tracker).error().context(file);
    if (options.json)
      described.push_back(describe(file, *tracker));
    else
      print_segments(file, *tracker);
  }
  if (options.json)
    fmt::print("{}\n", to_json_text(summary_of(tally, std::move(described))));
  else
    print_summary(tally);
  if (tally.share() >= expected.least && tally.share() <= expected.most) return {};
  return Error(Code::invalid, fmt::format("speech in {:.1f} % of the windows, expected {} %",
                                          tally.share(), options.expected));
}

Result<void> load_service(const Options& options) {
  if (options.until_stopped == (options.seconds > 0)) {
    return Error(Code::invalid, "--streams needs one of --seconds and --until-stopped");
  }
  HL_TRY_ASSIGN(const Target target, find_target(options.url, options.socket, options.token_file));
  std::vector<std::vector<float>> sounds;
  for (const std::string& file : options.files) {
    auto samples = read_samples(file);
    if (!samples) return std::move(samples).error().context(file);
    if (!samples->empty()) sounds.push_back(std::move(*samples));
  }
  if (sounds.empty()) return Error(Code::invalid, "no file holds a sound");
  const std::chrono::milliseconds duration(static_cast<std::int64_t>(options.seconds * 1000));
  const LoadTally tally = run_load({.streams = options.streams,
                                    .interval = std::chrono::milliseconds(options.interval_ms),
                                    .duration = duration,
                                    .threshold = options.threshold},
                                   target, sounds);
  if (options.json)
    fmt::print("{}\n", to_json_text(to_json(tally)));
  else
    fmt::print("{}", to_text(tally));
  if (tally.failed() == 0) return {};
  return Error(Code::unavailable,
               fmt::format("{} of {} requests failed", tally.failed(), tally.requests));
}

// Before any thread is there: run_load() waits for them.
void block_ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Streams WAV files (16-bit PCM, one channel, a multiple of 16 kHz) through a speech-"
      "detecting model and says where speech begins and ends");
  app.add_option("--url", options.url, "The service's call address")->required();
  app.add_option("--unix", options.socket, "Connect to this Unix socket instead of the URL's host");
  app.add_option("--token-file", options.token_file, "Holds the token to send as X-Auth-Token");
  app.add_option("--threshold", options.threshold, "Probability from which a window is speech")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option(
      "--expect-speech", options.expected,
      "MIN-MAX: end with status 1 if the share of speech windows, in percent, is outside");
  app.add_option("--streams", options.streams, "Load: this many streams at once, all counted")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "How long the load lasts")
      ->check(CLI::Range(0.001, 1e6));
  app.add_flag("--until-stopped", options.until_stopped, "It lasts until SIGTERM or SIGINT");
  app.add_option("--interval-ms", options.interval_ms,
                 "A stream asks this often at most; 32 is how fast people speak")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print one line of JSON instead of text");
  app.add_option("files", options.files, "WAV files")->required();
  CLI11_PARSE(app, argc, argv);
  if (options.streams > 0) block_ending_signals();
  const Result<void> ended = options.streams > 0 ? load_service(options) : listen_to_all(options);
  if (ended) return 0;
  fmt::print(stderr, "vad-client: {}\n", ended.error().text());
  return 1;
}

}  // namespace
}  // namespace hitless::vad

int main(int argc, char** argv) {
  return hitless::vad::run(argc, argv);
}
