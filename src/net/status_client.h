// Asks servers for the status of an answer: many of them, often, and for little.
//
// A health check is asked of a thousand instances every few seconds and wants one number.
// HttpClient can ask it too, but sets up a libcurl handle for each call, which costs an idle
// control plane several times what the question itself does.
//
// Owner: whoever makes it; one thread of its own runs all questions.  Each goes over a new
// connection, because a server that takes no connections any more is not healthy, and a kept one
// would hold a worker of servers that have few.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"

namespace hitless::net {

struct StatusCall {
  Address to;
  std::string target;                          // "/health"; asked for with GET
  Duration timeout = std::chrono::seconds(5);  // for the whole answer
  std::size_t body_bytes_max = 64 * 1024;      // of an answer, which is read and dropped
};

class StatusClient {
 public:
  static std::unique_ptr<StatusClient> make();
  virtual ~StatusClient() = default;  // calls still under way end with Code::cancelled

  // The status of a whole answer.  Errors: unavailable (refused, reset, cut), timeout, exhausted
  // (answer too large), corrupt (no HTTP), invalid (a target that cannot be sent), cancelled.  The
  // text names address and target.
  using Done = std::function<void(Result<int>)>;

  // `done` runs once on the client's thread and must not block.  Any thread may call.
  virtual void send(StatusCall call, Done done) = 0;
};

}  // namespace hitless::net
