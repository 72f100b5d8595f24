// One connection of the load: asks, reads, checks, and asks again.
//
// Owner: a LoadWorker; its thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>

#include "base/file.h"
#include "tests/support/answer_reader.h"
#include "tests/support/load.h"
#include "tests/support/load_outcome.h"

namespace hitless::tests {

using SteadyTime = std::chrono::steady_clock::time_point;

// A request that has ended.
struct Ended {
  Ending ending = Ending::answered;
  int status = 0;
  std::string revision;
  std::string version;  // of the model, if the body is its whole answer, whatever the status
  std::chrono::microseconds latency{};
  std::string detail;
  bool slow = false;      // as asked for
  bool streamed = false;  // its length was not stated
};

class LoadConnection {
 public:
  // `fresh`: every request on a connection of its own.
  LoadConnection(const LoadOptions& options, int epoll, bool fresh, std::uint64_t seed);

  // Asks the next one or two questions, unless it pauses or is busy.
  void ask(SteadyTime now);

  // The socket can be read or written.  Requests that ended are appended to `ended`.
  void on_event(std::deque<Ended>& ended);
  void on_time(SteadyTime now, std::deque<Ended>& ended);

  bool is_busy() const { return !questions_.empty(); }

 private:
  struct Question {
    std::string body;
    std::size_t pad = 0;
    SteadyTime asked;
    bool slow = false;  // or behind one that is
  };

  std::size_t draw_size();
  bool draw(double share);
  std::string request_for(Question& question, bool is_get);
  int connect();
  bool write_on();  // false: the other side takes no more
  bool read_on();   // false: the end of the stream
  void take_answers(std::deque<Ended>& ended);
  void end_all(Ending ending, const std::string& detail, std::deque<Ended>& ended);
  void close();

  const LoadOptions& options_;
  const int epoll_;
  const bool fresh_;
  std::mt19937_64 random_;
  UniqueFd socket_;
  std::string unsent_;
  AnswerReader reader_;
  std::deque<Question> questions_;  // asked and not answered
  SteadyTime not_before_;
  std::uint64_t asked_on_this_ = 0;
  int connect_error_ = 0;
};

}  // namespace hitless::tests
