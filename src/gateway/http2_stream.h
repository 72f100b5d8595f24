// One request on an HTTP/2 connection, and its answer.
//
// Towards its Exchange it is a Caller that speaks HTTP/1.1: what comes as fields and DATA goes on
// as a head and a body, what comes back as a head and a body leaves as fields and DATA.
//
// Back-pressure: a window is opened again only by what the exchange took, so a client is stopped by
// its own window; and while the client's windows or socket are full, the exchange is told that
// there is something unsent, and does not read its instance.
//
// Owner: its Http2Connection, until on_closed(); then it is buried.  Thread: the worker's.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/answers.h"
#include "gateway/caller.h"
#include "gateway/http2_head.h"
#include "net/http1.h"
#include "net/http2_session.h"

namespace hitless::gateway {

class Exchange;
class Http2Connection;
class Worker;

class Http2Stream final : public net::Handler, public Caller {
 public:
  using Id = net::Http2Session::StreamId;

  Http2Stream(Worker& worker, Http2Connection& connection, Id id);
  ~Http2Stream() override;

  // What the connection tells.
  bool on_field(std::string_view name, std::string_view value);
  bool on_trailer(std::string_view name, std::string_view value);
  void on_head(bool at_end);
  void on_data(std::string_view bytes);
  void on_end();
  net::Http2Session::Supply on_supply(std::span<char> into);
  void on_answer_sent(bool request_ended);
  void on_closed();
  // The connection has ended; because its client took nothing for too long.
  void on_gone(bool by_stall);
  void on_flushed();  // the client's socket has taken all that was written to it

  bool is_over() const { return exchange_ == nullptr; }
  bool waits() const { return waits_; }  // somebody was told that there is something unsent
  // For more of the request, or for the answer to be taken; nullopt when it does not.
  std::optional<net::Instant> waits_for_client_since() const;

  // For the exchange.
  bool send(std::string_view first, std::string_view second) override;
  bool has_unsent() const override;
  void resume() override { pump(); }
  void expect_body() override;
  void on_exchange_over(After after) override;

  void on_ready(net::Ready) override {}
  void on_timer(net::Timer& timer) override;

 private:
  void begin(bool at_end);
  void refuse(Cause cause);
  void refuse_malformed();
  void pump();
  void feed(std::string_view data);
  void give(std::string_view wire);
  void drop_body();
  bool take_answer(std::string_view bytes);
  bool take_head(std::string_view bytes);
  void take_body(std::string_view bytes);
  void note_stall();
  void reset(net::Http2Session::Reason reason);
  std::size_t unsent() const { return out_.size() - out_sent_; }

  Worker& worker_;
  Http2Connection& connection_;
  const Id id_;
  std::unique_ptr<Exchange> exchange_;

  // The request.
  std::unique_ptr<Http2RequestHead> head_;  // until it is whole
  std::string in_;                          // DATA that the exchange does not take yet
  std::string trailers_;
  bool chunked_ = false;
  bool to_head_ = false;
  bool ended_ = false;     // the client has sent all of it
  bool end_told_ = false;  // … and the exchange knows
  bool pumping_ = false;

  // The answer.
  net::http1::Body body_;
  std::string out_;  // DATA to be sent
  std::size_t out_sent_ = 0;
  std::string out_trailers_;
  bool head_sent_ = false;
  bool answer_ended_ = false;  // out_ is its last
  bool answer_sent_ = false;
  bool pending_ = false;  // something of ours may still be in the connection's hands
  bool stalled_ = false;  // the timer says how long the client may take nothing
  bool progressed_ = false;
  mutable bool waits_ = false;
  bool reset_ = false;   // by us
  bool closed_ = false;  // nothing more can be sent
};

}  // namespace hitless::gateway
