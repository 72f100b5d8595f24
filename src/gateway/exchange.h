// An Exchange is one request and its answer, from the parsed head to the account.
//
//   read_head ▶ route ▶ admit ▶ pick ▶ connect ▶ forward ▶ relay ▶ account
//                 │404    │hold    │503    │other    │replay   │cut
//                 └───────┴────────┴───────┴─────────┴─────────┴──────▶ account: always, once
//
// Owner: its Caller, which buries it when over.  Thread: the worker's.  A method that
// ends the exchange does so as its last act.
//
// Back-pressure, request: the client is not read while more than `unsent_request_bytes_max` wait
// for the instance, nor while the request is held; the instance's socket taking them resumes it.
// Back-pressure, answer: the instance is not read while the client's socket has refused bytes; one
// receive buffer at most waits, and its last byte's leaving resumes reading.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/access_notes.h"
#include "gateway/answers.h"
#include "gateway/balance.h"
#include "gateway/counters.h"
#include "gateway/lease.h"
#include "gateway/text.h"
#include "gateway/upstream_connection.h"
#include "net/event_loop.h"
#include "net/http1.h"

namespace hitless::gateway {

class Caller;
class Stream;
class Worker;
struct RequestFields;
struct Picked;
struct ServiceEntry;

class Exchange final : public net::Mortal {
 public:
  Exchange(Worker& worker, Caller& client);
  ~Exchange() override;
  // One comes and goes with each request, many in one turn of the loop: their memory is kept for
  // the next ones of the thread.
  static void* operator new(std::size_t size);
  static void operator delete(void* memory) noexcept;

  // What the client's connection tells.
  // `rest` is what came with the head; returns how much of it is the request's body and was used.
  std::size_t begin(const net::http1::Head& head, std::string_view rest);
  void refuse(Cause cause);  // instead of begin(): there is no usable head
  bool wants_body() const;
  bool request_done() const { return body_.done(); }
  net::Instant request_done_at() const { return request_done_at_; }
  bool tunnel() const { return tunnel_; }
  bool waits_for_client() const { return in_hold_ || (wants_body() && !tunnel_); }
  std::size_t on_body(std::string_view bytes);  // returns how many it used
  void on_client_drained();
  void on_client_gone();
  void on_client_stalled();  // it has taken nothing for too long
  void on_client_deadline();
  void on_client_ended();  // in a tunnel: it sends no more, and may still read

  // What the upstream connection tells.
  void on_upstream_writable();
  bool answer_blocked() const;
  void on_answer(std::string_view bytes);
  void on_upstream_lost(int error);  // errno; 0: the peer's orderly end
  void on_upstream_deadline();

  // What its stream tells: nothing new goes to its instance, or to this gateway, for so long that
  // it is to end at the next place for it …
  void on_stream_budget_over();
  void on_parting_over();  // … and none came

  // What the table tells: the service this request is held for has changed.
  void on_service_changed();
  // … only in how long requests may be held.
  void set_hold_deadline();

 private:
  // exchange.cc: route, admit, own answers, account
  std::size_t route(const net::http1::Head& head, std::string_view rest);
  std::optional<Cause> refusal_of(const net::http1::Head& head, std::string_view& target,
                                  bool& by_bearer);
  bool is_token_valid(std::string_view token);
  std::optional<Cause> look_at_traffic(const net::http1::Head& head);
  bool is_authorized(const RequestFields& fields, bool& by_bearer);
  void take_service(ServiceEntry& service);
  std::size_t gathered_bytes_max() const;
  void gather();
  void send_continue();
  void admit();
  void place();
  void hold();
  void leave_hold();
  void count_hold();
  net::Instant hold_end() const;
  void fail(Cause cause);
  void fail_if_open(Cause cause);
  void settle();
  void account();
  void record(net::Instant now);
  enum class End { keep, close, linger, reset, abort };
  void over(End end);

  // exchange_request.cc: pick, connect, forward, replay
  void pick_endpoint();
  Picked pick_unsuspected() const;
  void fail_pick(const Picked& picked);
  void connect();
  int open_upstream();
  std::optional<Cause> read_body(std::string_view bytes, std::size_t& used);
  void forward(std::string_view wire);
  void flush_request();
  void after_flush();
  void note_connect_failure();
  void note_answer(bool answered);
  void replay();
  void release_upstream(bool reusable);
  std::size_t unsent() const { return request_.size() - request_sent_; }

  // exchange_answer.cc: relay
  net::http1::Fault take_answer_head(std::string_view bytes, net::http1::Head& head);
  void begin_answer(const net::http1::Head& head, std::string_view rest);
  void begin_tunnel();
  void end_tunnel();
  void pass_interim(const net::http1::Head& head);
  void relay(std::string_view head, std::string_view bytes);
  void finish_answer(bool surplus);
  void break_off();
  void cut(std::string_view why);

  // exchange_stream.cc: answers that go on
  void follow_stream(std::string_view wire);
  void leave_stream();
  void relay_last(std::string_view bytes);
  void part_at_place();
  void part_websocket();
  void part(std::string_view farewell);
  std::string end_of_events(std::string_view event) const;

  Worker& worker_;
  Caller& client_;
  ServiceEntry* service_ = nullptr;
  RevisionCounters* counters_ = nullptr;  // null: not counted (health checks)
  Lease lease_;
  std::unique_ptr<UpstreamConnection> upstream_;

  // The request for the instance: head and body, from the first byte while it may be replayed.
  Text request_;
  std::size_t request_sent_ = 0;
  bool request_kept_ = true;  // from its first byte on
  std::uint32_t sends_ = 0;   // to this upstream connection
  net::http1::Body body_;
  std::uint64_t declared_ = 0;    // Content-Length
  std::uint64_t body_bytes_ = 0;  // content so far

  net::http1::Body answer_;
  Stream* stream_ = nullptr;        // while an answer of no stated length goes on; the worker's
  std::uint64_t answer_bytes_ = 0;  // content so far
  model::RevisionNumber revision_ = 0;
  int status_ = 0;

  net::Instant began_;
  net::Instant first_byte_at_ = net::k_never;
  net::Instant request_done_at_ = net::k_never;
  net::Instant held_since_ = net::k_never;
  Duration held_for_ = Duration::zero();
  std::string wanted_;                // the instance that the client asks for
  std::string session_;               // empty: none, or the service does not look at it
  model::RevisionNumber pinned_ = 0;  // the revision that the client asks for
  std::uint64_t group_ = 0;           // ShareEntry::group of the pick
  int retry_after_s_ = 0;
  std::vector<Endpoint*> tried_;  // endpoints that refused this request
  std::uint32_t retries_ = 0;
  int unread_ = 0;  // new connections that were closed with this request unread
  std::size_t held_bytes_ = 0;

  bool keep_alive_ = true;
  bool to_head_ = false;
  bool client_http10_ = false;
  bool wants_continue_ = false;
  bool wants_upgrade_ = false;
  bool tunnel_ = false;
  bool client_ended_ = false;  // in a tunnel
  bool reused_ = false;        // this upstream connection has answered before
  bool fresh_only_ = false;    // a reused one has been found dead
  bool upstream_keeps_ = false;
  bool answer_started_ = false;
  bool answer_complete_ = false;
  bool unchunk_ = false;
  bool accounted_ = false;
  bool over_ = false;
  bool failed_ = false;
  bool was_cut_ = false;
  bool streamed_ = false;  // the whole of an answer of no stated length
  bool gone_ = false;
  bool gathering_ = false;  // the whole of a small body is waited for
  bool in_hold_ = false;
  bool is_new_session_ = false;
  bool entered_ = false;        // counts among the service's requests in progress
  bool hold_to_count_ = false;  // a stay in the hold has ended and is in no counter yet
  bool hold_counted_ = false;   // an earlier one is

  std::uint8_t request_id_size_ = 0;
  std::array<char, 64> request_id_;
  std::string_view request_id() const { return {request_id_.data(), request_id_size_}; }
  void set_request_id(std::string_view given);
  std::string_view set_trace(const RequestFields& fields);

  AccessNotes notes_;
};

}  // namespace hitless::gateway
