#include "examples/vad/load.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "examples/vad/connection.h"
#include "examples/vad/stream.h"

namespace hitless::vad {
namespace {

using Steady = std::chrono::steady_clock;

// Whoever does not answer is not asked more often than this.
constexpr auto k_pause_after_failure = std::chrono::milliseconds(100);
constexpr std::size_t k_first_failures = 5;
constexpr std::size_t k_detail_bytes = 200;

// One stream.  Owner: its thread.
class Talker {
 public:
  Talker(const LoadOptions& options, const Target& target, const std::atomic<bool>& ending)
      : options_(options), connection_(target), ending_(ending) {}

  // Begins with the sound at `first`, so that not all streams say the same.
  void talk(const std::vector<std::vector<float>>& sounds, std::size_t first) {
    for (std::size_t at = first; !ending_; ++at) talk_one(sounds[at % sounds.size()]);
  }
  LoadTally take() { return std::move(tally_); }

 private:
  void talk_one(const std::vector<float>& sound) {
    Stream stream(sound);
    while (!ending_) {
      const auto body = stream.next_request();
      if (!body) return;
      const auto begin = Steady::now();
      const bool good = take(connection_.ask(*body), begin, stream);
      std::this_thread::sleep_until(good ? begin + options_.interval
                                         : begin + options_.interval + k_pause_after_failure);
    }
  }

  bool take(const Exchange& exchange, Steady::time_point begin, Stream& stream) {
    ++tally_.requests;
    if (exchange.ending != Ending::answered) {
      return fail(std::string(to_text(exchange.ending)), exchange.detail);
    }
    if (exchange.status != 200) {
      return fail(fmt::format("status {}", exchange.status), exchange.body);
    }
    const Result<float> probability = stream.take_answer(exchange.body);
    if (!probability) return fail("wrong answer", probability.error().text());
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - begin);
    tally_.micros.push_back(static_cast<std::uint32_t>(took.count()));
    ++tally_.ok;
    ++tally_.revisions[exchange.revision.empty() ? "none" : exchange.revision];
    tally_.speech_windows += *probability >= options_.threshold ? 1 : 0;
    return true;
  }

  bool fail(const std::string& kind, const std::string& detail) {
    ++tally_.failures[kind];
    if (tally_.first_failures.size() < k_first_failures) {
      tally_.first_failures.push_back(kind + ": " + detail.substr(0, k_detail_bytes));
    }
    return false;
  }

  const LoadOptions& options_;
  Connection connection_;
  const std::atomic<bool>& ending_;
  LoadTally tally_;
};

void wait_for_the_end(std::chrono::milliseconds duration) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (duration.count() == 0) {
    int signal = 0;
    sigwait(&signals, &signal);
    return;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  const timespec within{.tv_sec = seconds.count(),
                        .tv_nsec = std::chrono::nanoseconds(duration - seconds).count()};
  sigtimedwait(&signals, nullptr, &within);
}

std::uint32_t percentile(std::vector<std::uint32_t> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

json::object counts_to_json(const std::map<std::string, std::uint64_t>& counts) {
  json::object out;
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

}  // namespace

LoadTally& LoadTally::operator+=(const LoadTally& other) {
  requests += other.requests;
  ok += other.ok;
  for (const auto& [kind, count] : other.failures) failures[kind] += count;
  for (const auto& [revision, count] : other.revisions) revisions[revision] += count;
  speech_windows += other.speech_windows;
  micros.insert(micros.end(), other.micros.begin(), other.micros.end());
  for (const std::string& each : other.first_failures) {
    if (first_failures.size() < k_first_failures) first_failures.push_back(each);
  }
  return *this;
}

json::object to_json(const LoadTally& tally) {
  json::array first;
  for (const std::string& each : tally.first_failures) first.emplace_back(each);
  return {{"requests", tally.requests},
          {"ok", tally.ok},
          {"failed", tally.failed()},
          {"failures", counts_to_json(tally.failures)},
          {"first_failures", std::move(first)},
          {"revisions", counts_to_json(tally.revisions)},
          {"speech_windows", tally.speech_windows},
          {"seconds", tally.seconds},
          {"latency_p50_us", percentile(tally.micros, 0.50)},
          {"latency_p99_us", percentile(tally.micros, 0.99)}};
}

std::string to_text(const LoadTally& tally) {
  std::string out = fmt::format("{} requests in {:.1f} s, {} failed, p50 {} us, p99 {} us\n",
                                tally.requests, tally.seconds, tally.failed(),
                                percentile(tally.micros, 0.50), percentile(tally.micros, 0.99));
  for (const auto& [kind, count] : tally.failures) out += fmt::format("{}: {}\n", kind, count);
  for (const auto& [revision, count] : tally.revisions) {
    out += fmt::format("revision {}: {} requests\n", revision, count);
  }
  for (const std::string& each : tally.first_failures) out += each + "\n";
  return out;
}

LoadTally run_load(const LoadOptions& options, const Target& target,
                   const std::vector<std::vector<float>>& sounds) {
  std::atomic<bool> ending{false};
  const auto begin = Steady::now();
  std::vector<std::unique_ptr<Talker>> talkers;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.streams; ++i) {
    Talker& talker = *talkers.emplace_back(std::make_unique<Talker>(options, target, ending));
    threads.emplace_back([&talker, &sounds, i] { talker.talk(sounds, static_cast<size_t>(i)); });
  }
  wait_for_the_end(options.duration);
  ending = true;
  for (std::thread& thread : threads) thread.join();
  LoadTally whole;
  for (const auto& talker : talkers) whole += talker->take();
  whole.seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  return whole;
}

}  // namespace hitless::vad
