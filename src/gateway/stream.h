// A Stream is what is known of an answer without a stated length while it goes on: what it speaks,
// how long it may outlive its instance's or its gateway's place, and where it can be ended before
// its own end so that its client understands.
//
//   runs ▶ its drain budget is over ▶ parting: on to the next place ▶ its exchange ends it
//
// Places are between two server-sent events and between two frames of a WebSocket.  Any other
// answer has none, because half of it must not pass for the whole.  (gRPC, where it is spoken, is
// one more of Speaks: its place is anywhere between two messages, its farewell are trailers.)
//
// Owner: its Worker, from begin_stream() to end_stream(), which its exchange calls.  Thread: the
// worker's.
#pragma once

#include <cstdint>
#include <string_view>

#include "net/event_ends.h"
#include "net/event_loop.h"
#include "net/http1.h"
#include "net/websocket.h"

namespace hitless::gateway {

class Exchange;
class Worker;
struct Endpoint;
struct ServiceEntry;

class Stream final : public net::Handler {
 public:
  enum class Speaks : std::uint8_t { events, websocket, other };
  static Speaks speech_of(const net::http1::Head& answer);

  Stream(Worker& worker, Exchange& exchange, Endpoint& endpoint, const ServiceEntry& service,
         Speaks speaks);

  Speaks speaks() const { return speaks_; }
  Endpoint& endpoint() { return endpoint_; }

  // What went by, as it was sent.
  void on_answer(std::string_view wire) {
    if (speaks_ == Speaks::websocket) return answers_.pass(wire);
    if (speaks_ == Speaks::events && !is_parting_) events_.pass(wire);
  }
  void on_request(std::string_view wire) {
    if (speaks_ == Speaks::websocket) requests_.pass(wire);
  }

  // The table, or what the gateway does, has changed: does its budget run, and to when?
  void look();
  // The budget is over, whatever it was.
  void expire();

  // The budget is over, and `answer` says how far the answer has come.
  void begin_parting(const net::http1::Body& answer);
  bool is_parting() const { return is_parting_; }
  // While it is parting: how much of what has come may go before its end.
  std::size_t take(std::string_view wire);
  bool is_at_place() const;
  // Its chunks could end here, though an event may not have.
  bool is_between_chunks() const { return events_.is_between_chunks(); }
  // Whether its instance can be told too, between two of the client's frames.
  bool can_tell_instance() const { return requests_.is_between() && !requests_.has_closed(); }
  // One side has said goodbye, and the other one is about to: there is nothing to add.
  bool is_closing() const { return answers_.has_closed() || requests_.has_closed(); }

  std::size_t index = 0;  // Worker's own

  void on_ready(net::Ready) override {}
  void on_timer(net::Timer& timer) override;
  void stop() { timer_.clear(); }

 private:
  Worker& worker_;
  Exchange& exchange_;
  Endpoint& endpoint_;
  const ServiceEntry& service_;
  net::Timer timer_;  // the budget's end; while parting, the end of patience
  const net::Instant began_;
  const Speaks speaks_;
  bool is_parting_ = false;
  net::EventEnds events_;
  net::WebSocketFrames answers_;
  net::WebSocketFrames requests_;
};

}  // namespace hitless::gateway
