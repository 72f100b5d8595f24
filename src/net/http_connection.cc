#include "net/http_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace hitless::net {
namespace {

using boost::system::error_code;

// One read takes a whole small request; a body in progress gets the larger buffer, about what a
// socket's buffer holds.
constexpr std::size_t k_read_bytes = 16 * 1024;
constexpr std::size_t k_body_read_bytes = 128 * 1024;

// How long a refused client may go on sending before the connection is reset under its answer.
constexpr std::chrono::seconds k_linger(2);

// So large an answer's body is given back to the allocator instead of being kept for the next.
constexpr std::size_t k_keep_bytes = 64 * 1024;

std::chrono::steady_clock::time_point after(Duration time) {
  return std::chrono::steady_clock::now() + time;
}

}  // namespace

HttpConnection::HttpConnection(HttpConnectionHost& host, Socket socket, HttpPeer peer)
    : host_(host),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      parser_(host.options.head_bytes_max, host.options.body_bytes_max),
      timer_(host.io),
      input_(std::max(k_read_bytes, host.options.head_bytes_max), '\0') {}

void HttpConnection::start() {
  error_code failure;
  socket_.non_blocking(true, failure);
  if (failure) return close();
  expect_by(after(host_.options.idle_timeout));
  read();
}

// ---- reading

// Between requests bytes stay with the kernel until they are dealt with.  If the idle timer comes
// first the connection ends in a reset, which tells its peer that the request was not taken.
void HttpConnection::read() {
  if (phase_ == Phase::idle) {
    socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& failure) {
      self->on_readable(failure);
    });
    return;
  }
  socket_.async_read_some(
      boost::asio::buffer(input_.data() + input_end_, input_.size() - input_end_),
      [self = shared_from_this()](const error_code& failure, std::size_t bytes) {
        self->on_read(failure, bytes);
      });
}

void HttpConnection::on_readable(error_code failure) {
  if (failure == boost::asio::error::operation_aborted || phase_ != Phase::idle) return;
  std::size_t bytes = 0;
  if (!failure) {
    bytes = socket_.read_some(
        boost::asio::buffer(input_.data() + input_end_, input_.size() - input_end_), failure);
  }
  if (failure == boost::asio::error::would_block) return read();
  on_read(failure, bytes);
}

void HttpConnection::on_read(const error_code& failure, std::size_t bytes) {
  if (failure == boost::asio::error::operation_aborted) return;
  if (phase_ != Phase::idle && phase_ != Phase::reading && phase_ != Phase::lingering) return;
  if (failure) return close();
  if (phase_ == Phase::lingering) return read();
  input_end_ += bytes;
  parse();
}

void HttpConnection::parse() {
  input_begin_ +=
      parser_.put(std::string_view(input_).substr(input_begin_, input_end_ - input_begin_));
  if (const auto& refusal = parser_.refusal()) return refuse(refusal->status, refusal->why);
  if (parser_.complete()) return dispatch();
  await_more();
}

void HttpConnection::await_more() {
  if (phase_ == Phase::idle) {
    phase_ = Phase::reading;
    expect_by(after(host_.options.read_timeout));
  }
  if (parser_.take_continue_expectation()) send_continue();
  const std::size_t kept = input_end_ - input_begin_;
  std::memmove(input_.data(), input_.data() + input_begin_, kept);
  input_begin_ = 0;
  input_end_ = kept;
  if (kept == input_.size()) return refuse(400, "a chunk's head or the trailer is too large");
  if (parser_.in_body() && input_.size() < k_body_read_bytes) input_.resize(k_body_read_bytes);
  read();
}

void HttpConnection::send_continue() {
  constexpr std::string_view k_continue = "HTTP/1.1 100 Continue\r\n\r\n";
  // Lost, it costs the client its patience (a second with curl) and nothing else.
  (void)::send(socket_.native_handle(), k_continue.data(), k_continue.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- answering

void HttpConnection::dispatch() {
  ParsedRequest parsed = parser_.take();
  request_ = std::move(parsed.request);
  head_only_ = request_.method == "HEAD";
  http_1_0_ = parsed.http_1_0;
  after_ = !parsed.keep_alive ? AfterAnswer::close
           : parsed.http_1_0  ? AfterAnswer::keep_alive_1_0
                              : AfterAnswer::keep_alive;
  phase_ = Phase::handling;
  claimed_ = false;
  deadline_ = SteadyTime::max();
  if (host_.workers.try_submit([self = shared_from_this()] { self->handle(); })) return;
  HttpResponse busy = plain_response(503, "too many requests wait already");
  busy.headers.add("Retry-After", "1");
  set_answer(std::move(busy));
  write();
}

void HttpConnection::handle() {
  if (claimed_.exchange(true)) return;
  HttpResponse response = call_handler();
  if (response.stream) admit_stream(response);
  set_answer(std::move(response));
  send_some();
  boost::asio::post(host_.io, [self = shared_from_this()] { self->write(); });
}

HttpResponse HttpConnection::call_handler() const {
  std::string reason = "an exception of unknown type";
  try {
    return host_.handler(request_, peer_);
  } catch (const std::exception& failure) {
    reason = failure.what();
  } catch (...) {
  }
  log_error(
      "http_handler_failed",
      {{"method", request_.method}, {"path", std::string(request_.path())}, {"reason", reason}});
  return plain_response(500, "internal error");
}

void HttpConnection::set_answer(HttpResponse response) {
  if (host_.stopping.load(std::memory_order_relaxed)) after_ = AfterAnswer::close;
  BodyEnd end = BodyEnd::length;
  if (response.stream) {
    after_ = AfterAnswer::close;
    end = http_1_0_ ? BodyEnd::close : BodyEnd::last_chunk;
  }
  Result<std::string> head = write_response_head(response, after_, end);
  if (!head) {
    log_error("http_answer_unfit",
              {{"path", std::string(request_.path())}, {"reason", head.error().text()}});
    response = plain_response(500, "internal error");
    head = write_response_head(response, after_);
  }
  if (!head_only_) stream_ = std::move(response.stream);
  answer_head_ = std::move(head).value();
  answer_body_ = std::move(response.body);
  if (head_only_ || !may_have_body(response.status)) answer_body_.clear();
  answer_sent_ = 0;
}

void HttpConnection::send_some() {
  std::array<iovec, 2> parts = {iovec{answer_head_.data(), answer_head_.size()},
                                iovec{answer_body_.data(), answer_body_.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) {
    answer_sent_ = static_cast<std::size_t>(sent);
  } else {
    send_failed_ = errno != EAGAIN && errno != EINTR;
  }
}

void HttpConnection::refuse(int status, std::string_view why) {
  request_ = HttpRequest();
  head_only_ = false;
  after_ = AfterAnswer::close;
  request_unread_ = true;
  set_answer(plain_response(status, why));
  write();
}

void HttpConnection::write() {
  if (phase_ == Phase::closed) return;
  if (cut_ || send_failed_) return close();
  const std::size_t head = std::min(answer_sent_, answer_head_.size());
  const std::size_t body = answer_sent_ - head;
  if (head == answer_head_.size() && body == answer_body_.size()) return after_answer();
  phase_ = Phase::writing;
  expect_by(after(host_.options.read_timeout));
  const std::array<boost::asio::const_buffer, 2> rest = {boost::asio::buffer(answer_head_) + head,
                                                         boost::asio::buffer(answer_body_) + body};
  socket_.async_write_some(
      rest, [self = shared_from_this()](const error_code& failure, std::size_t bytes) {
        self->on_written(failure, bytes);
      });
}

void HttpConnection::on_written(const error_code& failure, std::size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (failure) return close();
  answer_sent_ += bytes;
  write();
}

void HttpConnection::after_answer() {
  if (stream_ && !last_piece_) return after_piece();
  if (answer_body_.capacity() > k_keep_bytes) answer_body_ = std::string();
  if (request_unread_ || (after_ == AfterAnswer::close && bytes_wait())) return linger();
  if (after_ == AfterAnswer::close) return close();
  phase_ = Phase::idle;
  expect_by(after(host_.options.idle_timeout));
  if (input_begin_ < input_end_) return parse();
  input_begin_ = input_end_ = 0;
  if (input_.size() == k_body_read_bytes) {
    input_ = std::string(std::max(k_read_bytes, host_.options.head_bytes_max), '\0');
  }
  if (host_.stopping.load(std::memory_order_relaxed) && !bytes_wait()) return close();
  read();
}

// ---- the end

// Closing while the client still sends would reset the connection, and the answer with it.
void HttpConnection::linger() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  phase_ = Phase::lingering;
  input_begin_ = input_end_ = 0;
  expect_by(after(k_linger));
  read();
}

void HttpConnection::close_if_idle() {
  if (phase_ == Phase::idle && !bytes_wait()) close();
  if (phase_ == Phase::streaming) await_piece();
}

void HttpConnection::cut() {
  if (phase_ != Phase::handling || !claimed_.exchange(true)) return close();
  cut_ = true;
  ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

bool HttpConnection::bytes_wait() const {
  error_code ignored;
  return socket_.available(ignored) > 0;
}

void HttpConnection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  const auto self = shared_from_this();  // the set may hold the last reference
  drop_stream();
  host_.connections.erase(self);
  host_.on_closed();
}

// ---- deadlines

// The timer is only touched when it would ring too late: a busy connection moves its deadline with
// every request and mostly further away.
void HttpConnection::expect_by(SteadyTime deadline) {
  deadline_ = deadline;
  if (deadline < timer_at_) arm_timer();
}

void HttpConnection::arm_timer() {
  timer_at_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const error_code& failure) {
    if (!failure) self->on_timer();
  });
}

void HttpConnection::on_timer() {
  timer_at_ = SteadyTime::max();
  if (phase_ == Phase::closed || deadline_ == SteadyTime::max()) return;
  if (std::chrono::steady_clock::now() < deadline_) return arm_timer();
  if (phase_ == Phase::streaming) return ask_for_piece();
  if (phase_ != Phase::reading) return close();
  error_code ignored;
  socket_.cancel(ignored);  // the read under way
  refuse(408, "the request took too long");
}

}  // namespace hitless::net
