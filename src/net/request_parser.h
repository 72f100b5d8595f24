// HTTP/1.1 requests out of a stream of bytes, the server's side; Boost.Beast stays inside
// request_parser.cc.
//
// Owner: one connection; one thread at a time.  put() until complete() or refusal(); then take(),
// which makes it ready for the next request.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "net/http.h"

namespace hitless::net {

struct ParsedRequest {
  HttpRequest request;
  bool keep_alive = true;  // the client means to go on with the connection
  bool http_1_0 = false;
};

// Why a request is not for the handler; the connection is of no use afterwards.
struct RequestRefusal {
  int status = 400;
  std::string_view why;
};

class RequestParser {
 public:
  RequestParser(std::size_t head_bytes_max, std::size_t body_bytes_max);
  ~RequestParser();

  // Takes bytes from the front and returns how many.  What is left belongs to the next request,
  // or must be put again, longer, when neither complete nor refused.
  std::size_t put(std::string_view bytes);

  bool complete() const;
  const std::optional<RequestRefusal>& refusal() const { return refusal_; }
  bool in_body() const;              // the head is read, the body is not
  bool take_continue_expectation();  // once, when the client waits for "100 Continue"

  ParsedRequest take();  // only when complete

 private:
  struct State;
  void restart();
  void refuse(int status, std::string_view why) { refusal_ = RequestRefusal{status, why}; }
  void check_head();

  const std::size_t head_bytes_max_;
  const std::size_t body_bytes_max_;
  std::unique_ptr<State> state_;
  std::optional<RequestRefusal> refusal_;
};

}  // namespace hitless::net
