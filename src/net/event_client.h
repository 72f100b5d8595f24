// A client of a stream of server-sent events, over TCP or a Unix socket.
//
// Owner: whoever opens it; one thread, which alone reads: what it does not take stays with the
// kernel and at last with the server.  It does not connect again by itself: whoever reads does,
// with last_id() as Last-Event-ID.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "net/event_stream.h"
#include "net/http.h"
#include "net/http1.h"

namespace hitless::net {

struct EventCall {
  Address to;
  std::string target;  // "/v1/x/events"
  HttpHeaders headers = {};
  Duration open_timeout = std::chrono::seconds(10);  // to the head of the answer
  // A server that says nothing for so long, not even a heartbeat, has gone.
  Duration silence_max = std::chrono::seconds(45);
};

class EventClient {
 public:
  // Connects and reads the answer's head.  Errors: unavailable (refused, reset, cut), timeout,
  // corrupt (no HTTP, or no stream of events), invalid (cannot be sent); of an answer other than
  // 200, which the text names: unauthenticated 401, forbidden 403, not_found 404, exhausted 503,
  // internal any other.
  static Result<std::unique_ptr<EventClient>> open(EventCall call);

  // The next event.  nullopt: none came within `patience`, or the stream has ended as it should,
  // which ended() tells.  Errors, after which there is nothing more: unavailable (cut, or silent
  // for too long), exhausted (an event that is too large), corrupt.
  Result<std::optional<Event>> next(Duration patience);
  bool ended() const { return ended_; }

  // Of the newest event; empty: none had one.
  const std::string& last_id() const { return last_id_; }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  EventClient(EventCall call, UniqueFd fd) : call_(std::move(call)), fd_(std::move(fd)) {}
  Result<void> connect(SteadyTime until);
  Result<void> ask(SteadyTime until);
  Result<void> read_head(SteadyTime until);
  Result<void> take_head(std::size_t size);
  // False: not within the time.
  Result<bool> wait(short events, SteadyTime until) const;
  Result<std::size_t> read_some();
  Result<void> take_body();
  Result<void> on_close();
  Error error(Code code, std::string_view text) const;

  const EventCall call_;
  UniqueFd fd_;
  std::string read_;  // and not yet parsed
  http1::Body body_;
  EventParser parser_;
  std::deque<Event> events_;  // of one read at most
  std::string last_id_;
  bool ended_ = false;
  SteadyTime heard_at_;
};

}  // namespace hitless::net
