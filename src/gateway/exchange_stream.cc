// Exchange, answers that go on: their budget where nothing new goes, and their end before their
// own.
#include <fmt/format.h>

#include <iterator>

#include "base/check.h"
#include "gateway/answers.h"
#include "gateway/caller.h"
#include "gateway/exchange.h"
#include "gateway/session.h"
#include "gateway/stream.h"
#include "gateway/worker.h"
#include "net/websocket.h"

namespace hitless::gateway {

using net::http1::Framing;
using Speaks = Stream::Speaks;

namespace {

// A reader of events comes back by itself after so long; many that are ended at once do not come
// back at once.
constexpr std::uint64_t k_retry_least_ms = 500;
constexpr std::uint64_t k_retry_spread_ms = 2500;

std::string chunk_of(std::string_view content) {
  return content.empty() ? std::string() : fmt::format("{:x}\r\n{}\r\n", content.size(), content);
}

}  // namespace

void Exchange::follow_stream(std::string_view wire) {
  if (stream_ == nullptr) {
    stream_ = &worker_.begin_stream(*this, *lease_.endpoint(), *service_,
                                    Stream::speech_of(worker_.head()));
  }
  stream_->on_answer(wire);
}

void Exchange::leave_stream() {
  if (stream_ != nullptr) worker_.end_stream(*std::exchange(stream_, nullptr));
}

void Exchange::on_stream_budget_over() {
  if (stream_->speaks() == Speaks::other) return cut(word_of(Cause::stream_budget));
  stream_->begin_parting(answer_);
  part_at_place();
}

// As much as belongs to what has begun, and then the end.
void Exchange::relay_last(std::string_view bytes) {
  relay({}, bytes.substr(0, stream_->take(bytes)));
  if (!over_ && stream_ != nullptr) part_at_place();
}

void Exchange::part_at_place() {
  if (!stream_->is_at_place()) return;
  if (stream_->speaks() == Speaks::websocket) return part_websocket();
  const std::uint64_t retry = k_retry_least_ms + number_of(request_id()) % k_retry_spread_ms;
  std::string event = fmt::format("event: error\nretry: {}\ndata: ", retry);
  write_error_body(event, Cause::stream_budget, request_id());
  part(end_of_events(event.append("\n\n")));
}

std::string Exchange::end_of_events(std::string_view event) const {
  if (answer_.framing() != Framing::chunked || unchunk_) return std::string(event);
  return chunk_of(event) + "0\r\n\r\n";
}

// What it stands behind may be half: then it has no place of ours, and perhaps none at all.
void Exchange::on_parting_over() {
  switch (stream_->speaks()) {
    case Speaks::events:
      if (stream_->is_between_chunks()) return part(end_of_events({}));
      break;
    case Speaks::websocket:
      if (stream_->is_closing()) return end_tunnel();
      break;
    case Speaks::other: break;
  }
  cut(word_of(Cause::stream_budget));
}

// Both sides are told; whoever answers finds the connection closed, which RFC 6455 allows the one
// who has heard or said so.
void Exchange::part_websocket() {
  const std::string_view reason = rule_of(Cause::stream_budget).text;
  if (stream_->can_tell_instance() && unsent() == 0) {
    upstream_->send(
        net::websocket_close(net::WebSocketSide::client, net::k_websocket_going_away, reason));
  }
  part(net::websocket_close(net::WebSocketSide::server, net::k_websocket_going_away, reason));
}

// The last of the answer, by which the client knows that it is not the instance's end.
void Exchange::part(std::string_view farewell) {
  leave_stream();
  release_upstream(false);
  answer_complete_ = true;
  if (!farewell.empty() && !client_.send(farewell, {})) return on_client_gone();
  ++counters_->outcomes.parted;
  notes_.error = word_of(Cause::stream_budget);
  answer_bytes_ += farewell.size();
  settle();
  if (!over_ && !body_.done()) client_.resume();
}

}  // namespace hitless::gateway
