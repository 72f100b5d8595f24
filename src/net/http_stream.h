// The body of an answer that is written piece by piece for as long as its client stays.
//
// A handler of HttpServer puts one into HttpResponse::stream; the server then owns it, opens it
// once and asks it for pieces: at first, after a wake, and when its patience is over.  It asks only
// when the last piece is with the kernel, so that a reader who is slow gets fewer pieces and costs
// one of them in memory; one who takes nothing for the server's read_timeout is cut off.  The
// stream is destroyed when its client has gone, its last piece is sent or the server stops.
//
// Threads: open() and the destructor on the server's threads, and neither may block; next() on one
// of those for handlers, never twice at once.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"

namespace hitless::net {

struct HttpPiece {
  std::string bytes{};                           // may be empty: there is nothing to say
  bool last = false;                             // the answer is whole after it
  Duration pause{};                              // it is not asked again before, whoever wakes it
  Duration patience = std::chrono::seconds(15);  // ... and asked then though nobody woke it
};

class HttpStream {
 public:
  // "There is something to say".  Any thread, as often as one likes; never after the destructor.
  using Wake = std::function<void()>;

  virtual ~HttpStream() = default;
  virtual void open(Wake wake) = 0;
  virtual HttpPiece next() = 0;
};

}  // namespace hitless::net
