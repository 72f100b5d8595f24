// What became of the requests of a load: every one of them ends in exactly one of the counters.
//
// A wrong answer is the model's own: it has another status than 200, comes from the revision that
// its header names, and its body is the whole and right one, so that nothing on the way can have
// made it.  What hitless or the way there got wrong has failed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hitless::tests {

// How a request ended.  `answered` is a whole answer of any status with the right form.
enum class Ending { answered, wrong_body, malformed, refused, reset, truncated, timed_out };

std::string to_text(Ending ending);

struct Outcome {
  std::uint64_t requests = 0;  // ended, whatever way
  std::uint64_t good = 0;      // 200, and the body is the right one
  std::uint64_t streams = 0;   // whole answers whose length was not stated, right or wrong
  std::map<Ending, std::uint64_t> by_ending;
  std::map<int, std::uint64_t> by_status;
  // Good answers by (X-Hitless-Revision, version that the model names).
  std::map<std::pair<std::string, std::string>, std::uint64_t> by_revision;
  std::uint64_t wrong = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> wrong_by_revision;
  // Of the requests that the model answers at once.  Those it was told to take its time with are
  // 1 in 100: with them the 99th percentile would be what it was told.
  std::vector<std::uint32_t> latency_us;
  std::vector<std::string> first_failures;  // with the time of day, for the logs

  std::uint64_t failed() const { return requests - good - wrong; }
  std::uint64_t count(Ending ending) const;
  std::uint64_t good_of(const std::string& version) const;
  std::uint64_t wrong_of(const std::string& version) const;
  std::chrono::microseconds percentile(double share) const;

  Outcome& operator+=(const Outcome& other);
};

// Some lines for people: what a failed test shows.
std::string describe(const Outcome& outcome);

}  // namespace hitless::tests
