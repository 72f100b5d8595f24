// Load: streams that talk to the service at once, each over all sounds again and again, and a
// count of what became of every request.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "examples/vad/target.h"

namespace hitless::vad {

struct LoadOptions {
  int streams = 4;
  std::chrono::milliseconds interval{0};  // from one request of a stream to its next, at the least
  std::chrono::milliseconds duration{0};  // 0: until SIGTERM or SIGINT
  float threshold = 0.5F;
};

// Every request ends in `ok` or in exactly one of `failures`.
struct LoadTally {
  std::uint64_t requests = 0;
  std::uint64_t ok = 0;  // status 200, and probability and state as the model answers them
  std::map<std::string, std::uint64_t> failures;   // by kind: "status 503", "reset", …
  std::map<std::string, std::uint64_t> revisions;  // of ok answers, by the header that names them
  std::uint64_t speech_windows = 0;
  std::vector<std::uint32_t> micros;  // of ok answers
  std::vector<std::string> first_failures;
  double seconds = 0;

  std::uint64_t failed() const { return requests - ok; }
  LoadTally& operator+=(const LoadTally& other);
};

json::object to_json(const LoadTally& tally);
std::string to_text(const LoadTally& tally);  // some lines for people

// Runs to its end.  SIGTERM and SIGINT must be blocked in all threads: they end it, once every
// request that was sent has its answer.
LoadTally run_load(const LoadOptions& options, const Target& target,
                   const std::vector<std::vector<float>>& sounds);

}  // namespace hitless::vad
