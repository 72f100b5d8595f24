// A connection that hides nothing: each request is sent once, and what became of it is said.
//
// Owner: one stream of the load; its thread only, which waits for each answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "examples/vad/target.h"
#include "net/http1.h"

namespace hitless::vad {

// How a request ended.
enum class Ending {
  answered,   // a whole answer, of any status
  refused,    // no connection
  reset,      // the connection ended before the answer's first byte
  truncated,  // … and after it
  malformed,  // what came is no HTTP/1.1
  timed_out,
};
std::string_view to_text(Ending ending);

struct Exchange {
  Ending ending = Ending::answered;
  int status = 0;
  std::string revision;  // as the answer's header names it
  std::string body;
  std::string detail;  // of what went wrong
};

class Connection {
 public:
  explicit Connection(const Target& target) : target_(target) {}

  // Connects unless the connection of the request before was kept.
  Exchange ask(std::string_view body);

 private:
  enum class Got { bytes, end, error, nothing_in_time };
  bool connect(std::string& detail);
  bool write(std::string_view text);
  Got read();
  Exchange read_answer();
  Exchange read_body(Exchange exchange);
  Exchange ended_by(Got got);

  const Target& target_;
  UniqueFd socket_;
  std::string bytes_;  // received and not used
  net::http1::Head head_;
  int error_ = 0;
};

}  // namespace hitless::vad
