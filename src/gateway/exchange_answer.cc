// Exchange, the answer's way to the client: relay.
#include <algorithm>

#include "base/check.h"
#include "gateway/answer_head.h"
#include "gateway/caller.h"
#include "gateway/exchange.h"
#include "gateway/session.h"
#include "gateway/stream.h"
#include "gateway/worker.h"

namespace hitless::gateway {

using net::http1::Body;
using net::http1::Fault;
using net::http1::Framing;
using net::http1::Head;
using net::http1::HeadEnd;

bool Exchange::answer_blocked() const {
  return client_.has_unsent();
}

void Exchange::on_answer(std::string_view bytes) {
  if (answer_started_) {
    return stream_ != nullptr && stream_->is_parting() ? relay_last(bytes) : relay({}, bytes);
  }
  std::string& partial = upstream_->partial_head();
  std::string joined;
  if (!partial.empty()) {
    joined = std::move(partial);
    partial.clear();
    joined.append(bytes);
    bytes = joined;
  }
  Head& head = worker_.head();
  for (;;) {
    const Fault fault = take_answer_head(bytes, head);
    if (fault == Fault::incomplete) {
      partial.assign(bytes);
      return;
    }
    if (fault != Fault::none) {
      note_answer(false);
      return fail(Cause::invalid_answer);
    }
    bytes.remove_prefix(head.size);
    if (head.status >= 200 || head.status == 101) break;
    pass_interim(head);
    if (over_) return;
  }
  begin_answer(head, bytes);
}

// Most heads come whole and are read in one pass; the others are measured as they grow.
Fault Exchange::take_answer_head(std::string_view bytes, Head& head) {
  std::size_t& scanned = upstream_->scanned();
  if (scanned == 0) {
    const Fault fault = net::http1::parse_answer(bytes, to_head_, head);
    if (fault != Fault::incomplete) return fault;
  }
  const HeadEnd end = net::http1::find_head_end(bytes, scanned);
  if (end.state == HeadEnd::State::incomplete && bytes.size() <= worker_.limits().head_bytes_max) {
    return Fault::incomplete;
  }
  scanned = 0;
  if (end.state != HeadEnd::State::complete) return Fault::bad_request;
  return net::http1::parse_answer(bytes.substr(0, end.size), to_head_, head);
}

// 100 is answered by ourselves; the others are news for the client.
void Exchange::pass_interim(const Head& head) {
  if (head.status == 100 || client_http10_) return;
  Text& text = worker_.answer_text();
  text.clear();
  write_interim_head(text, head);
  if (!client_.send(text, {})) on_client_gone();
}

void Exchange::begin_answer(const Head& head, std::string_view rest) {
  if (head.status == 101 && !wants_upgrade_) return fail(Cause::invalid_answer);
  first_byte_at_ = net::monotonic_now();
  lease_.endpoint()->suspect_until = {};
  status_ = head.status;
  upstream_keeps_ = head.keep_alive && head.framing != Framing::until_close;
  answer_ = Body(head.framing, head.content_length);
  unchunk_ = client_http10_ && head.framing == Framing::chunked;
  if (unchunk_ || head.framing == Framing::until_close) keep_alive_ = false;
  if (worker_.draining()) keep_alive_ = false;
  if (!head.keep_alive_value.empty()) lease_.endpoint()->keep_alive = keep_alive_of(head);
  if (head.status == 101) begin_tunnel();
  std::string cookie;
  if (is_new_session_ && service_->traffic.sticky.by == model::Sticky::By::cookie) {
    cookie = cookie_of(service_->traffic.sticky.name, session_, service_->id.text());
  }
  Text& text = worker_.answer_text();
  text.clear();
  write_answer_head(text, head,
                    {.request_id = request_id(),
                     .revision = revision_,
                     .keep_alive = keep_alive_,
                     .to_http10 = client_http10_,
                     .set_cookie = cookie,
                     .unchunk = unchunk_});
  answer_started_ = true;
  // It has been taken now: what was kept of the request for a replay can go.
  if (unsent() == 0) {
    worker_.give_back(std::move(request_));
    request_sent_ = 0;
    request_kept_ = false;
  }
  relay(text, rest);
}

// From here on bytes go both ways as they are, until either side ends.
void Exchange::begin_tunnel() {
  tunnel_ = true;
  keep_alive_ = upstream_keeps_ = false;
  body_ = Body(Framing::until_close, 0);
  answer_ = Body(Framing::until_close, 0);
  client_.clear_deadline();
}

void Exchange::relay(std::string_view head, std::string_view bytes) {
  std::size_t used = 0;
  auto state = answer_.done() ? Body::State::done : Body::State::more;
  while (used < bytes.size() && state == Body::State::more) {
    const Body::Piece piece = answer_.next(bytes.substr(used));
    used += piece.used;
    answer_bytes_ += piece.data.size();
    state = piece.state;
    if (unchunk_ && !piece.data.empty()) {
      if (!client_.send(head, piece.data)) return on_client_gone();
      head = {};
    }
  }
  const std::string_view wire = unchunk_ ? std::string_view() : bytes.substr(0, used);
  if ((!head.empty() || !wire.empty()) && !client_.send(head, wire)) return on_client_gone();
  if (state == Body::State::bad) return break_off();
  if (state == Body::State::done) return finish_answer(used < bytes.size());
  upstream_->set_deadline(worker_.loop().turn() + worker_.limits().stream_idle_timeout);
  if (answer_.framing() == Framing::length) return;
  follow_stream(bytes.substr(0, used));
  if (!tunnel_) return;
  if (client_ended_) {
    upstream_->set_deadline(worker_.loop().turn() + worker_.limits().body_stall_timeout);
  }
  client_.resume();
}

// `surplus`: the instance sent more than its answer, so its connection cannot be trusted.
void Exchange::finish_answer(bool surplus) {
  note_answer(true);
  const bool sent_whole = body_.done() && unsent() == 0;
  if (upstream_keeps_ && upstream_->half_closed()) lease_.endpoint()->closes_idle = true;
  if (answer_.framing() > Framing::length) {
    streamed_ = true;
    leave_stream();
  }
  release_upstream(upstream_keeps_ && !surplus && sent_whole && !upstream_->half_closed());
  answer_complete_ = true;
  settle();
  if (!over_ && !body_.done()) client_.resume();
}

// The instance's doing.
void Exchange::break_off() {
  note_answer(false);
  cut("cut");
}

// The client has part of an answer that will not come whole, and must see it.
void Exchange::cut(std::string_view why) {
  was_cut_ = failed_ = true;
  notes_.error = why;
  leave_stream();
  release_upstream(false);
  account();
  // Where the connection's end would pass for the answer's end, it is reset.
  const bool ends_at_close = answer_.framing() == Framing::until_close || unchunk_;
  over(ends_at_close ? End::reset : End::abort);
}

}  // namespace hitless::gateway
