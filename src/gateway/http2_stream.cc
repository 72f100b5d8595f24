#include "gateway/http2_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "gateway/exchange.h"
#include "gateway/http2_connection.h"
#include "gateway/worker.h"

namespace hitless::gateway {

using net::http1::Body;
using net::http1::Fault;
using net::http1::Head;
using net::http1::HeadEnd;
using Reason = net::Http2Session::Reason;
using Supply = net::Http2Session::Supply;

Http2Stream::Http2Stream(Worker& worker, Http2Connection& connection, Id id)
    : Caller(worker.loop(), *this, connection.peer(), connection.token(), connection.encrypted()),
      worker_(worker),
      connection_(connection),
      id_(id),
      head_(std::make_unique<Http2RequestHead>(worker.limits().head_bytes_max)) {}

Http2Stream::~Http2Stream() = default;

// ---- the request

bool Http2Stream::on_field(std::string_view name, std::string_view value) {
  return head_ != nullptr && head_->add(name, value);
}

bool Http2Stream::on_trailer(std::string_view name, std::string_view value) {
  return trailers_.size() + name.size() + value.size() <= worker_.limits().head_bytes_max &&
         add_trailer(trailers_, name, value);
}

void Http2Stream::on_head(bool at_end) {
  ended_ = at_end;
  to_head_ = head_->is_head();
  chunked_ = head_->is_chunked(at_end);
  if (head_->is_too_large()) {
    head_.reset();
    return refuse(Cause::head_too_large);
  }
  std::string text = worker_.take_buffer();
  if (!head_->write(text, at_end)) {
    reset(Reason::protocol_error);
    return refuse_malformed();
  }
  head_.reset();
  std::size_t scanned = 0;
  const HeadEnd end = net::http1::find_head_end(text, scanned);
  HL_CHECK(end.state == HeadEnd::State::complete && end.size == text.size());
  Head& head = worker_.head();
  if (const Fault fault = net::http1::parse_request(text, head); fault != Fault::none) {
    return refuse(cause_of(fault));
  }
  exchange_ = std::make_unique<Exchange>(worker_, *this);
  exchange_->begin(head, {});
  worker_.give_back(std::move(text));
  if (exchange_ != nullptr && !exchange_->request_done() && exchange_->wants_body()) expect_body();
}

void Http2Stream::refuse(Cause cause) {
  exchange_ = std::make_unique<Exchange>(worker_, *this);
  exchange_->refuse(cause);
}

// A malformed message is its stream's error (RFC 9113 section 8.1.1): it gets no answer, and is
// counted as the bad request it is.
void Http2Stream::refuse_malformed() {
  closed_ = true;
  head_.reset();
  refuse(Cause::bad_request);
}

void Http2Stream::on_data(std::string_view bytes) {
  if (exchange_ == nullptr) {
    connection_.session().consume(id_, bytes.size());
  } else if (pumping_ || !in_.empty() || !exchange_->wants_body()) {
    in_.append(bytes);
  } else {
    pumping_ = true;
    feed(bytes);
    pumping_ = false;
    connection_.session().consume(id_, bytes.size());
    pump();
  }
}

void Http2Stream::on_end() {
  ended_ = true;
  pump();
}

void Http2Stream::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (exchange_ != nullptr && !in_.empty() && exchange_->wants_body()) {
    const std::string bytes = std::exchange(in_, {});
    feed(bytes);
    connection_.session().consume(id_, bytes.size());
    connection_.flush_soon();
  }
  if (chunked_ && ended_ && in_.empty() && !end_told_ && exchange_ != nullptr &&
      exchange_->wants_body()) {
    end_told_ = true;
    give("0\r\n" + std::exchange(trailers_, {}) + "\r\n");
  }
  pumping_ = false;
}

void Http2Stream::feed(std::string_view data) {
  if (!chunked_ || data.empty()) return give(data);
  std::string wire = worker_.take_buffer();
  fmt::format_to(std::back_inserter(wire), "{:x}\r\n", data.size());
  give(wire.append(data).append("\r\n"));
  worker_.give_back(std::move(wire));
}

void Http2Stream::give(std::string_view wire) {
  expect_body();
  exchange_->on_body(wire);
  if (exchange_ != nullptr && exchange_->request_done() && !exchange_->waits_for_client() &&
      !stalled_) {
    timer_.clear();
  }
}

void Http2Stream::expect_body() {
  timer_.set(worker_.loop().turn() + worker_.limits().body_stall_timeout);
}

void Http2Stream::drop_body() {
  if (in_.empty()) return;
  connection_.session().consume(id_, in_.size());
  connection_.flush_soon();
  std::string().swap(in_);
}

// ---- the answer

bool Http2Stream::send(std::string_view first, std::string_view second) {
  if (closed_ || reset_) return true;  // it is over for the client; the exchange is told, or knows
  pending_ = waits_ = true;
  connection_.flush_soon();
  if (take_answer(first) && take_answer(second)) return true;
  reset(Reason::internal_error);
  return false;
}

bool Http2Stream::take_answer(std::string_view bytes) {
  while (!head_sent_ && !bytes.empty()) {
    std::size_t scanned = 0;
    const HeadEnd end = net::http1::find_head_end(bytes, scanned);
    HL_CHECK(end.state == HeadEnd::State::complete);  // heads are ours
    if (!take_head(bytes.substr(0, end.size))) return false;
    bytes.remove_prefix(end.size);
  }
  if (!bytes.empty()) take_body(bytes);
  return true;
}

// False: what we have added to the instance's head makes it too large.
bool Http2Stream::take_head(std::string_view bytes) {
  Head& head = worker_.answer_head();
  if (net::http1::parse_answer(bytes, to_head_, head) != Fault::none) return false;
  std::string text;
  std::vector<net::Http2Field> fields;
  to_http2(head, text, fields);
  if (head.status < 200) {
    connection_.session().submit_interim(id_, fields);
    return true;
  }
  head_sent_ = true;
  body_ = Body(head.framing, head.content_length);
  answer_ended_ = body_.done();
  connection_.session().submit_answer(id_, fields, !answer_ended_);
  connection_.on_answer();
  return true;
}

void Http2Stream::take_body(std::string_view bytes) {
  auto state = body_.done() ? Body::State::done : Body::State::more;
  while (!bytes.empty() && state == Body::State::more) {
    const Body::Piece piece = body_.next(bytes);
    bytes.remove_prefix(piece.used);
    state = piece.state;
    out_.append(piece.data);
    connection_.add_unsent(piece.data.size());
    out_trailers_.append(piece.trailers);
  }
  answer_ended_ = state == Body::State::done;
  connection_.session().resume(id_);
}

Supply Http2Stream::on_supply(std::span<char> into) {
  Supply supply;
  supply.size = std::min(into.size(), unsent());
  std::memcpy(into.data(), out_.data() + out_sent_, supply.size);
  out_sent_ += supply.size;
  connection_.remove_unsent(supply.size);
  progressed_ = progressed_ || supply.size > 0;
  if (unsent() > 0) return supply;
  std::string().swap(out_);
  out_sent_ = 0;
  supply.at_end = answer_ended_;
  if (!supply.at_end || out_trailers_.empty()) return supply;
  std::string text;
  std::vector<net::Http2Field> fields;
  const std::string lines = std::exchange(out_trailers_, {});
  to_http2(lines, text, fields);
  supply.has_trailers = !fields.empty();
  if (supply.has_trailers) connection_.session().submit_trailers(id_, fields);
  return supply;
}

bool Http2Stream::has_unsent() const {
  const bool has = pending_ || unsent() > 0 || (!closed_ && connection_.is_full());
  waits_ = waits_ || has;
  return has;
}

void Http2Stream::on_flushed() {
  pending_ = false;
  if (unsent() > 0) return note_stall();
  if (!closed_ && connection_.is_full()) return;
  waits_ = false;
  if (std::exchange(stalled_, false)) {
    timer_.clear();
    if (exchange_ != nullptr && !exchange_->request_done()) expect_body();
  }
  if (exchange_ != nullptr) exchange_->on_client_drained();
  if (closed_ && exchange_ != nullptr) exchange_->on_client_gone();
}

// The client's window is shut: it may be reading slowly, or not at all.
void Http2Stream::note_stall() {
  if (stalled_ && !progressed_) return;
  stalled_ = true;
  progressed_ = false;
  timer_.set(worker_.loop().turn() + worker_.limits().write_stall_timeout);
}

// Each of its deadlines was set when the wait began.
std::optional<net::Instant> Http2Stream::waits_for_client_since() const {
  const Limits& limits = worker_.limits();
  const net::Instant deadline = timer_.deadline();
  if (deadline == net::k_never) return std::nullopt;
  if (stalled_) return deadline - limits.write_stall_timeout;
  if (exchange_ == nullptr || !exchange_->wants_body()) return std::nullopt;
  return deadline - limits.body_stall_timeout;
}

// ---- the end

void Http2Stream::on_exchange_over(After after) {
  worker_.loop().bury(std::move(exchange_));
  timer_.clear();
  stalled_ = false;
  drop_body();
  if (closed_) return;
  const bool is_whole = after != After::reset && after != After::abort;
  if (!is_whole) return reset(answer_sent_ ? Reason::no_error : Reason::internal_error);
  if (answer_ended_) return;
  // The end of the instance's connection was the end of its answer.
  answer_ended_ = true;
  connection_.session().resume(id_);
  connection_.flush_soon();
}

// A client that still sends its request need not (RFC 9113 section 8.1).
void Http2Stream::on_answer_sent(bool request_ended) {
  answer_sent_ = true;
  if (!request_ended) reset(Reason::no_error);
}

void Http2Stream::reset(Reason reason) {
  if (std::exchange(reset_, true)) return;
  connection_.session().reset(id_, reason);
  connection_.flush_soon();
}

void Http2Stream::on_closed() {
  closed_ = true;
  timer_.clear();
  drop_body();
  connection_.remove_unsent(unsent());
  std::string().swap(out_);
  out_sent_ = 0;
  if (head_ != nullptr) return refuse_malformed();
  // An answer that is on its way is accounted when the socket has taken it.
  if (exchange_ == nullptr || (answer_sent_ && pending_)) return;
  if (answer_sent_) exchange_->on_client_drained();
  if (exchange_ != nullptr) exchange_->on_client_gone();
}

void Http2Stream::on_gone(bool by_stall) {
  closed_ = true;
  timer_.clear();
  head_.reset();
  if (exchange_ == nullptr) return;
  by_stall&& has_unsent() ? exchange_->on_client_stalled() : exchange_->on_client_gone();
}

void Http2Stream::on_timer(net::Timer&) {
  if (closed_) return;
  if (stalled_ && unsent() > 0) {
    reset(Reason::cancel);
    if (exchange_ != nullptr) exchange_->on_client_stalled();
    return;
  }
  if (exchange_ == nullptr) return;
  if (exchange_->waits_for_client()) {
    exchange_->on_client_deadline();
    return pump();
  }
  // It is the instance that is slow to take the body; that has a deadline of its own.
  if (!exchange_->request_done()) expect_body();
}

}  // namespace hitless::gateway
