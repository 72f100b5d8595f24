// A Caller is whoever made a request, as the request's Exchange sees it: an HTTP/1.1 connection, or
// one stream of an HTTP/2 connection.  All of them speak HTTP/1.1 with the exchange.
//
// Owner: the worker's connection.  Thread: the worker's.  One exchange at a time; the caller owns
// it and is told of its end by on_exchange_over().
#pragma once

#include <string>
#include <string_view>

#include "gateway/token_memory.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Caller {
 public:
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  const std::string& peer() const { return peer_; }
  TokenMemory& token_memory() { return token_memory_; }  // of its connection
  bool is_encrypted() const { return is_encrypted_; }
  void set_deadline(net::Instant deadline) { timer_.set(deadline); }
  void clear_deadline() { timer_.clear(); }

  // Takes all of it: what cannot go out now is kept, and has_unsent() until the exchange's
  // on_client_drained(); false when the client is gone.  A head comes whole and begins `first`.
  virtual bool send(std::string_view first, std::string_view second) = 0;
  virtual bool has_unsent() const = 0;
  virtual void resume() = 0;       // the exchange wants body again
  virtual void expect_body() = 0;  // … and within the limit of time
  // linger: read on and drop until the client has the answer.  reset: the client must notice that
  // the answer is not whole.
  enum class After { next_request, close, linger, reset, abort };
  virtual void on_exchange_over(After after) = 0;

 protected:
  // `owner` is told when the deadline is over.
  Caller(net::EventLoop& loop, net::Handler& owner, const std::string& peer,
         TokenMemory& token_memory, bool is_encrypted)
      : timer_(loop, owner),
        peer_(peer),
        token_memory_(token_memory),
        is_encrypted_(is_encrypted) {}
  ~Caller() = default;

  net::Timer timer_;

 private:
  const std::string peer_;
  TokenMemory& token_memory_;
  const bool is_encrypted_;
};

}  // namespace hitless::gateway
