// Exchange, the request's way to the instance: pick, connect, forward, replay.
#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "gateway/balance.h"
#include "gateway/caller.h"
#include "gateway/exchange.h"
#include "gateway/exhaustion.h"
#include "gateway/stream.h"
#include "gateway/worker.h"

namespace hitless::gateway {

// An instance that accepts a connection and closes it unread is impatient (its idle time ran out
// before it came to run), not missing; on a busy machine that may happen again.
constexpr int k_unread_max = 3;

using net::http1::Body;
using net::http1::Framing;

// A suspect is better than nobody.  Who asks for one instance gets it, and shares stay what they
// are: another of the same group is looked for.
Picked Exchange::pick_unsuspected() const {
  const net::Instant now = worker_.loop().turn();
  PickInput asked{.client = client_.peer(),
                  .tried = tried_,
                  .revision = revision_,
                  .group = group_,
                  .instance = wanted_,
                  .pinned = pinned_,
                  .session = session_,
                  .now = now};
  const Picked first = pick(*service_, asked);
  if (first.endpoint == nullptr || first.endpoint->suspect_until <= now || !wanted_.empty()) {
    return first;
  }
  std::vector<Endpoint*> avoided = tried_;
  asked.revision = first.share->revision;
  asked.group = first.share->group;
  for (Picked next = first;;) {
    avoided.push_back(next.endpoint);
    asked.tried = avoided;
    next = pick(*service_, asked);
    if (next.endpoint == nullptr || next.share->group != first.share->group) return first;
    if (next.endpoint->suspect_until <= now) return next;
  }
}

void Exchange::pick_endpoint() {
  const Picked picked = pick_unsuspected();
  if (picked.endpoint == nullptr) return fail_pick(picked);
  if (picked.endpoint->circuit.is_open())
    picked.endpoint->circuit.begin_trial(worker_.loop().turn());
  revision_ = picked.share->revision;
  group_ = picked.share->group;
  notes_.note_instance(picked.endpoint->instance.text());
  counters_ = picked.share->counters;
  count_hold();
  lease_ = Lease(worker_, *picked.endpoint);
  connect();
}

void Exchange::fail_pick(const Picked& picked) {
  if (picked.is_revision_absent) return fail(Cause::absent_revision);
  // All refused: they crashed together, or are too busy to accept.  The next table is on its way.
  if (picked.trial_at == net::k_never) return hold();
  retry_after_s_ = retry_after(picked.trial_at - worker_.loop().turn());
  ++counters_->outcomes.circuit_open;
  fail(Cause::circuit_open);
}

// 0 or errno.  There may be more clients than descriptors for two sides of each: those that idle
// give theirs up.  A client that still sends its body may be among them, so it asks for no room.
int Exchange::open_upstream() {
  Endpoint& endpoint = *lease_.endpoint();
  for (bool may_make_room = body_.done();; may_make_room = false) {
    upstream_ = UpstreamConnection::open(worker_, endpoint);
    if (upstream_ != nullptr) return 0;
    const int error = errno;
    if (!may_make_room || !is_exhaustion(error) || !worker_.make_room()) return error;
  }
}

void Exchange::connect() {
  Endpoint& endpoint = *lease_.endpoint();
  // A larger request cannot be sent again when the connection is reset (replay.h), so it does not
  // get one that the instance may be closing.
  const bool small = body_.done() && request_.size() <= k_unread_kept_bytes_max;
  if (!fresh_only_ && (small || !endpoint.closes_idle)) upstream_ = endpoint.idle.take();
  reused_ = upstream_ != nullptr;
  const int error = reused_ ? 0 : open_upstream();
  if (error != 0) {
    // Our own lack says nothing about the instance.
    if (!is_exhaustion(error)) note_connect_failure();
    return replay();
  }
  upstream_->attach(*this);
  request_sent_ = 0;
  sends_ = 0;
  send_continue();
  if (!over_) flush_request();
}

bool Exchange::wants_body() const {
  if (body_.done() || in_hold_) return false;
  if (answer_complete_) return true;  // to be dropped
  return unsent() < worker_.limits().unsent_request_bytes_max;
}

// Follows the body over these bytes; says how many belong to it, and what is wrong with it.
std::optional<Cause> Exchange::read_body(std::string_view bytes, std::size_t& used) {
  auto state = body_.done() ? Body::State::done : Body::State::more;
  used = 0;
  while (used < bytes.size() && state == Body::State::more) {
    const Body::Piece piece = body_.next(bytes.substr(used));
    used += piece.used;
    body_bytes_ += piece.data.size();
    state = piece.state;
  }
  if (body_.done()) request_done_at_ = worker_.loop().turn();
  if (state == Body::State::bad) return Cause::bad_request;
  if (body_bytes_ > worker_.limits().body_bytes_max && !tunnel_) return Cause::body_too_large;
  return std::nullopt;
}

std::size_t Exchange::on_body(std::string_view bytes) {
  std::size_t used = 0;
  const std::optional<Cause> wrong = read_body(bytes, used);
  if (wrong.has_value()) {
    keep_alive_ = false;
    if (answer_complete_) {
      over(End::linger);
    } else {
      fail_if_open(*wrong);
    }
  } else if (answer_complete_) {
    settle();
  } else {
    forward(bytes.substr(0, used));
  }
  return used;
}

void Exchange::forward(std::string_view wire) {
  if (gathering_) {
    request_.append(wire);
    if (!body_.done()) return;
    gathering_ = false;
    return admit();
  }
  if (stream_ != nullptr) stream_->on_request(wire);
  if (upstream_ != nullptr && !request_kept_ && unsent() == 0) {
    const ssize_t taken = upstream_->send(wire);
    if (taken < 0 && errno != EAGAIN) return on_upstream_lost(errno);
    if (taken > 0) {
      ++sends_;
      wire.remove_prefix(static_cast<std::size_t>(taken));
    }
    request_.clear();
    request_sent_ = 0;
    if (wire.empty()) return after_flush();
  }
  request_.append(wire);
  if (upstream_ != nullptr) flush_request();
}

void Exchange::flush_request() {
  while (unsent() > 0) {
    const ssize_t taken = upstream_->send(std::string_view(request_).substr(request_sent_));
    if (taken < 0) {
      if (errno != EAGAIN) return on_upstream_lost(errno);
      return;
    }
    ++sends_;
    request_sent_ += static_cast<std::size_t>(taken);
  }
  // Too large to be kept for a replay: from here on only what is unsent is held.
  if (request_.size() > worker_.limits().replay_bytes_max ||
      declared_ > worker_.limits().replay_bytes_max || answer_started_) {
    request_kept_ = false;
  }
  if (!request_kept_) {
    request_.clear();
    request_sent_ = 0;
  }
  after_flush();
}

void Exchange::after_flush() {
  if (answer_started_) return client_ended_ ? on_client_ended() : void();
  if (body_.done()) {
    upstream_->set_deadline(worker_.loop().turn() + worker_.limits().first_byte_timeout);
  } else {
    upstream_->clear_deadline();
  }
}

void Exchange::on_upstream_writable() {
  if (unsent() == 0) return;
  flush_request();
  if (!over_ && wants_body()) client_.resume();
}

void Exchange::note_connect_failure() {
  Endpoint& endpoint = *lease_.endpoint();
  ++endpoint.connect_failures;
  endpoint.suspect_until = worker_.loop().turn() + worker_.limits().suspect_time;
  worker_.counters().changed(endpoint);
  worker_.report_soon();
  note_answer(false);
}

// For the service's circuit breaker, where it has one.
void Exchange::note_answer(bool answered) {
  if (!service_->traffic.breaker.is_set()) return;
  Endpoint& endpoint = *lease_.endpoint();
  if (answered) {
    endpoint.circuit.answered();
  } else if (endpoint.circuit.failed(service_->traffic.breaker, worker_.loop().turn())) {
    ++endpoint.circuit_opened;
    worker_.report_soon();
  }
  worker_.counters().changed(endpoint);
}

// The one place where a request is sent again; replay.h says when it may be.
void Exchange::on_upstream_lost(int error) {
  if (answer_started_) {
    // Whoever said goodbye does not miss what the instance throws away.
    const bool is_end = error == 0 || client_ended_;
    if (is_end && answer_.complete_at_close()) return finish_answer(false);
    return break_off();
  }
  Death death = upstream_->death(error);
  death.sent_at_once = sends_ == 1 && unsent() == 0 && body_.done();
  death.kept = reused_;
  if (reused_) lease_.endpoint()->closes_idle = true;
  if (!reused_ && (error != 0 || !death.connected)) note_connect_failure();
  if (!cannot_have_been_taken(death) || !request_kept_) {
    if (reused_ || (error == 0 && death.connected)) note_answer(false);
    return fail(Cause::closed_early);
  }
  replay();
}

void Exchange::replay() {
  ++retries_;
  const bool was_accepted = upstream_ != nullptr && upstream_->connected();
  if (reused_) {
    fresh_only_ = true;
  } else if (!was_accepted || ++unread_ >= k_unread_max) {
    tried_.push_back(lease_.endpoint());
  }
  release_upstream(false);
  // The table may have changed since: the service may be gone, or held.
  place();
}

void Exchange::on_upstream_deadline() {
  if (answer_started_) return client_ended_ ? end_tunnel() : break_off();
  if (!upstream_->connected()) {
    note_connect_failure();
    return replay();
  }
  note_answer(false);
  fail(Cause::answer_timeout);
}

void Exchange::release_upstream(bool reusable) {
  if (upstream_ != nullptr) {
    Endpoint& endpoint = *lease_.endpoint();
    const Limits& limits = worker_.limits();
    if (reusable && !endpoint.retired && endpoint.idle.size() < limits.idle_upstream_max) {
      Duration idle = limits.upstream_idle_timeout;
      // A fifth less than it says: its clock began before ours.
      if (endpoint.keep_alive > Duration::zero())
        idle = std::min(idle, endpoint.keep_alive * 4 / 5);
      upstream_->rest(idle);
      endpoint.idle.put(std::move(upstream_));
    } else {
      upstream_->close();
      worker_.loop().bury(std::move(upstream_));
    }
    upstream_ = nullptr;
  }
  lease_.release();
}

}  // namespace hitless::gateway
