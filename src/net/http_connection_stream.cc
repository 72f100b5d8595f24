// A connection whose answer goes on: pieces of an HttpStream, one at a time.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "net/http_connection.h"

namespace hitless::net {
namespace {

using boost::system::error_code;

// Every worker is busy and the queue is full: the stream is the one that can wait.
constexpr std::chrono::milliseconds k_ask_again(100);

std::string framed(const HttpPiece& piece, bool chunked) {
  if (!chunked) return piece.bytes;
  std::string out;
  if (!piece.bytes.empty()) out = fmt::format("{:x}\r\n{}\r\n", piece.bytes.size(), piece.bytes);
  if (piece.last) out += "0\r\n\r\n";
  return out;
}

}  // namespace

void HttpConnection::admit_stream(HttpResponse& response) {
  stream_counted_ = host_.streams.fetch_add(1) < host_.options.streams_max;
  if (stream_counted_) return;
  host_.streams.fetch_sub(1);
  response = plain_response(503, "too many streams are open");
  response.headers.add("Retry-After", "1");
}

void HttpConnection::begin_stream() {
  stream_open_ = true;
  stream_->open([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake_stream();
  });
  watch_client();
}

void HttpConnection::wake_stream() {
  if (wake_posted_.exchange(true)) return;
  boost::asio::post(host_.io, [self = shared_from_this()] {
    self->wake_posted_ = false;
    self->woken_ = true;
    if (self->phase_ == Phase::streaming) self->await_piece();
  });
}

// With the last one sent, and while a worker has the stream, there is nothing to wait for.
void HttpConnection::await_piece() {
  if (asking_) return;
  if (host_.stopping.load(std::memory_order_relaxed)) return on_piece({.last = true});
  const SteadyTime next = woken_ ? pause_end_ : patience_end_;
  if (next <= std::chrono::steady_clock::now()) return ask_for_piece();
  expect_by(next);
}

void HttpConnection::ask_for_piece() {
  if (asking_) return;
  asking_ = true;
  woken_ = false;
  deadline_ = SteadyTime::max();
  if (host_.workers.try_submit(
          [self = shared_from_this(), stream = stream_] { self->ask(stream); }))
    return;
  asking_ = false;
  woken_ = true;
  pause_end_ = std::chrono::steady_clock::now() + k_ask_again;
  expect_by(pause_end_);
}

void HttpConnection::ask(const std::shared_ptr<HttpStream>& stream) {
  HttpPiece piece;
  std::string reason;
  try {
    piece = stream->next();
    if (piece.bytes.size() > k_stream_piece_bytes_max) reason = "the piece is too large";
  } catch (const std::exception& failure) {
    reason = failure.what();
  } catch (...) {
    reason = "an exception of unknown type";
  }
  if (!reason.empty()) {
    log_error("http_stream_failed", {{"path", std::string(request_.path())}, {"reason", reason}});
    boost::asio::post(host_.io, [self = shared_from_this()] { self->close(); });
    return;
  }
  boost::asio::post(host_.io, [self = shared_from_this(), piece = std::move(piece)]() mutable {
    self->asking_ = false;
    self->on_piece(std::move(piece));
  });
}

void HttpConnection::on_piece(HttpPiece piece) {
  if (phase_ != Phase::streaming) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  pause_end_ = now + piece.pause;
  patience_end_ = now + std::max(piece.pause, piece.patience);
  last_piece_ = piece.last;
  if (piece.bytes.empty() && !piece.last) return await_piece();
  answer_head_ = framed(piece, !http_1_0_);
  answer_body_.clear();
  answer_sent_ = 0;
  write();
}

void HttpConnection::after_piece() {
  phase_ = Phase::streaming;
  if (!stream_open_) begin_stream();
  if (phase_ == Phase::streaming) await_piece();
}

// Nothing is expected of the client any more but its end.
void HttpConnection::watch_client() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& failure) {
    self->on_client(failure);
  });
}

void HttpConnection::on_client(error_code failure) {
  if (phase_ != Phase::streaming && phase_ != Phase::writing) return;
  if (!failure) {
    stream_input_ += socket_.read_some(boost::asio::buffer(input_), failure);
  }
  if (failure == boost::asio::error::would_block) failure.clear();
  if (failure || stream_input_ > k_stream_input_bytes_max) return close();
  watch_client();
}

void HttpConnection::drop_stream() {
  stream_.reset();
  if (stream_counted_) host_.streams.fetch_sub(1);
  stream_counted_ = false;
}

}  // namespace hitless::net
