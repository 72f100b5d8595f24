// One client's connection to HttpServer.  Internal to the server: the only header that includes
// Asio, all of it that http_server.cc, http_connection.cc and http_connection_stream.cc use.
//
//   idle ─bytes▶ reading ─whole request▶ handling ─answer▶ writing ─▶ idle (kept alive) or closed
//                                                              ▲ └▶ streaming (waits for more)
//                                                              └─piece──┘
//
// Owner: HttpConnectionHost::connections and the operations under way.  Everything happens on the
// I/O thread but handle(): a worker thread runs the handler and sends as much of the answer as the
// socket takes, which spares the answer a hop.  While phase_ is handling the connection belongs to
// that worker and the I/O thread does no more to it than ::shutdown.  While it streams, workers
// have the stream alone: they ask it for a piece and post that back.
#pragma once

// GCC's thread sanitizer does not know fences.  Asio's queue has a mutex as well.
#if defined(__SANITIZE_THREAD__)
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "net/http_server.h"
#include "net/http_stream.h"
#include "net/request_parser.h"
#include "net/response_head.h"
#include "net/worker_threads.h"

namespace hitless::net {

class HttpConnection;

// What all connections of a server share.  `connections` is the I/O thread's.
struct HttpConnectionHost {
  const HttpServerOptions& options;
  const HttpServer::Handler& handler;
  WorkerThreads& workers;
  boost::asio::io_context& io;
  std::function<void()> on_closed;  // after a connection has left `connections`
  std::atomic<bool> stopping = false;
  std::atomic<std::size_t> streams = 0;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections = {};
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  HttpConnection(HttpConnectionHost& host, Socket socket, HttpPeer peer);

  void start();
  void close_if_idle();  // the server stops: nothing is under way, or a stream
  void cut();            // its patience ends

 private:
  enum class Phase { idle, reading, handling, writing, streaming, lingering, closed };
  using SteadyTime = std::chrono::steady_clock::time_point;

  void read();
  void on_readable(boost::system::error_code failure);
  void on_read(const boost::system::error_code& failure, std::size_t bytes);
  void parse();
  void await_more();
  void send_continue();
  void dispatch();
  void handle();  // worker thread
  HttpResponse call_handler() const;
  void set_answer(HttpResponse response);
  void send_some();  // worker thread
  void refuse(int status, std::string_view why);
  void write();
  void on_written(const boost::system::error_code& failure, std::size_t bytes);
  void after_answer();
  void linger();
  void close();
  bool bytes_wait() const;

  // http_connection_stream.cc
  void admit_stream(HttpResponse& response);  // worker thread
  void begin_stream();
  void wake_stream();  // any thread
  void await_piece();
  void ask_for_piece();
  void ask(const std::shared_ptr<HttpStream>& stream);  // worker thread
  void on_piece(HttpPiece piece);
  void after_piece();
  void watch_client();
  void on_client(boost::system::error_code failure);
  void drop_stream();

  void expect_by(SteadyTime deadline);
  void arm_timer();
  void on_timer();

  HttpConnectionHost& host_;
  Socket socket_;
  const HttpPeer peer_;
  RequestParser parser_;
  boost::asio::steady_timer timer_;  // at deadline_ or earlier; it then sleeps on
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime timer_at_ = SteadyTime::max();

  Phase phase_ = Phase::idle;
  bool cut_ = false;
  std::atomic<bool> claimed_ = false;  // the request in phase handling: by a worker, or by cut()

  std::string input_;  // bytes read and not yet parsed are [input_begin_, input_end_)
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;

  HttpRequest request_;
  bool head_only_ = false;  // HEAD
  bool http_1_0_ = false;
  AfterAnswer after_ = AfterAnswer::keep_alive;
  bool request_unread_ = false;  // refused: the client may be sending still

  std::string answer_head_;
  std::string answer_body_;
  std::size_t answer_sent_ = 0;
  bool send_failed_ = false;

  std::shared_ptr<HttpStream> stream_;  // null: the answer is all there
  bool stream_counted_ = false;         // in HttpConnectionHost::streams
  bool stream_open_ = false;
  bool asking_ = false;                    // a worker has the stream
  bool woken_ = false;                     // since it was asked last
  bool last_piece_ = false;                // is being written
  std::atomic<bool> wake_posted_ = false;  // to the I/O thread, and not seen there yet
  SteadyTime pause_end_ = SteadyTime::min();
  SteadyTime patience_end_ = SteadyTime::min();
  std::size_t stream_input_ = 0;  // bytes that the client sent since
};

}  // namespace hitless::net
