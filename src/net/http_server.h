// A small HTTP/1.1 server for the control side (the API, the ONNX engine) on Boost.Asio and Beast,
// which stay inside http_server.cc, http_connection.cc, http_connection_stream.cc and
// request_parser.cc.
//
// Owner: whoever starts it.  Handlers run on `handler_threads` threads of the server, so they may
// block; I/O has a thread of its own.  Connections are kept alive; pipelined requests are answered
// in order.  An answer may be a stream (net/http_stream.h): it has no thread of its own, its
// connection closes after it, and a client that closes its sending side has gone.
//
// The server answers by itself: 400 malformed (or no Host, or a target that is no path), 408 too
// slow, 413 and 431 too large: these and close; 503 with Retry-After when the queue is full or
// there are streams_max streams, and with a closed connection above connections_max; 500 when the
// handler throws.  Content-Length and Connection are the server's: the handler's own are left out
// of the answer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "net/limits.h"
#include "net/listen_socket.h"

namespace hitless::net {

// Who is at the other end.
struct HttpPeer {
  std::optional<uid_t> uid;  // Unix sockets only: SO_PEERCRED
  std::string address;       // "127.0.0.1:4711"; empty for Unix sockets
};

struct HttpServerOptions {
  std::vector<Address> listen;      // at least one; a stale Unix socket file is replaced
  unsigned socket_mode = 0600;      // of Unix sockets
  std::size_t handler_threads = 4;  // requests handled at once
  std::size_t queue_max = 1024;     // requests waiting for a handler; more are answered 503
  std::size_t connections_max = 4096;
  std::size_t streams_max = k_streams_max;
  std::size_t head_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 12 * 1024 * 1024;  // the contract's 12 MB (calling a service)
  // For a whole request, once it began; and for a reader of the answer who takes nothing more.
  Duration read_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(300);  // between requests
  Duration stop_timeout = std::chrono::seconds(10);   // for requests in progress at stop()
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&, const HttpPeer&)>;

  // Listens at once.  The error names the address and the reason ("already in use").
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, Handler handler);

  // The same on sockets that are open already; `options.listen` does not count.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options,
                                                   std::vector<ListenSocket> sockets,
                                                   Handler handler);

  // Stops first; then waits for handlers that outlasted stop_timeout.
  virtual ~HttpServer() = default;

  // Where it listens, in the order of the options, with real ports.
  virtual std::vector<Address> addresses() const = 0;

  // Accepts nothing more, closes idle connections, ends streams, lets requests in progress finish
  // (answered with Connection: close) within stop_timeout, cuts what is left, then returns.  Unix
  // socket files are gone afterwards.  Idempotent; any thread but a handler's.
  virtual void stop() = 0;
};

}  // namespace hitless::net
