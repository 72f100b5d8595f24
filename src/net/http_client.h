// An HTTP/1.1 client for the control side (CLI, health probes) on libcurl, which stays inside
// http_client.cc.
//
// Owner: whoever makes it; one thread of its own runs all calls.  No proxies, no redirects.
//
// A kept connection that turns out to be dead before the first byte of an answer is replaced and
// the request sent again, whatever its method; where a second delivery would harm, take
// reuse_connection = false.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

namespace hitless::net {

struct HttpCall {
  Address to;
  HttpRequest request;  // Content-Length is added, and Host unless it is there
  Duration connect_timeout = std::chrono::seconds(5);
  Duration total_timeout = std::chrono::seconds(60);
  std::size_t body_bytes_max = 64 * 1024 * 1024;  // of the answer
  bool reuse_connection = true;                   // false: a new connection, closed afterwards
};

class HttpClient {
 public:
  static std::unique_ptr<HttpClient> make();
  virtual ~HttpClient() = default;  // calls still under way end with Code::cancelled

  // An answer of any status is a value.  Errors: unavailable (refused, reset, cut), timeout,
  // exhausted (answer too large), corrupt (no HTTP), invalid (a request that cannot be sent),
  // cancelled.  The text names address, method and path.
  using Done = std::function<void(Result<HttpResponse>)>;

  // `done` runs once on the client's thread and must not block.  Any thread may call.
  virtual void send(HttpCall call, Done done) = 0;

  // Waits for the answer.  Any thread but the client's.
  Result<HttpResponse> fetch(HttpCall call);
};

}  // namespace hitless::net
