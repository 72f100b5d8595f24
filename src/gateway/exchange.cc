#include "gateway/exchange.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "gateway/caller.h"
#include "gateway/request_head.h"
#include "gateway/session.h"
#include "gateway/worker.h"

namespace hitless::gateway {

using net::http1::Body;
using net::http1::Framing;
using net::http1::Head;

namespace {

// A turn's worth.  An address sanitizer should see each as an allocation of its own.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t k_spares_max = 0;
#else
constexpr std::size_t k_spares_max = 128;
#endif

// In the access record.
constexpr std::string_view k_client_gone = "client_gone";
constexpr std::string_view k_client_stalled = "client_stalled";

class Spares {
 public:
  Spares() = default;
  ~Spares() {
    for (void* memory : kept_) ::operator delete(memory);
  }
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  void* take() {
    if (kept_.empty()) return ::operator new(sizeof(Exchange));
    void* const memory = kept_.back();
    kept_.pop_back();
    return memory;
  }
  void give_back(void* memory) noexcept {
    if (kept_.size() >= k_spares_max) return ::operator delete(memory);
    if (kept_.capacity() == 0) kept_.reserve(k_spares_max);
    kept_.push_back(memory);
  }

 private:
  std::vector<void*> kept_;
};

thread_local Spares spares;

}  // namespace

void* Exchange::operator new(std::size_t size) {
  HL_DCHECK(size == sizeof(Exchange));
  return spares.take();
}

void Exchange::operator delete(void* memory) noexcept {
  spares.give_back(memory);
}

Exchange::Exchange(Worker& worker, Caller& client)
    : worker_(worker), client_(client), began_(net::monotonic_now()) {}

Exchange::~Exchange() {
  HL_DCHECK(accounted_ && upstream_ == nullptr && stream_ == nullptr && !in_hold_);
}

void Exchange::set_request_id(std::string_view given) {
  static_assert(k_request_id_bytes_max <= std::tuple_size_v<decltype(request_id_)>);
  if (given.empty()) given = worker_.make_request_id();
  request_id_size_ = static_cast<std::uint8_t>(given.size());
  std::memcpy(request_id_.data(), given.data(), given.size());
}

// The traceparent to be sent when the client's is not valid: a trace that begins here has the
// request id for its name, when that is ours.
std::string_view Exchange::set_trace(const RequestFields& fields) {
  if (!fields.trace_id.empty()) {
    notes_.trace.set(fields.trace_id);
    return {};
  }
  const std::string_view made = worker_.begin_trace(fields.request_id.empty());
  notes_.trace.set(made.substr(k_trace_id_at));
  return made;
}

std::size_t Exchange::begin(const Head& head, std::string_view rest) {
  keep_alive_ = head.keep_alive && !worker_.draining();
  to_head_ = head.method == "HEAD";
  client_http10_ = head.minor == 0;
  wants_continue_ = head.expect_continue && !client_http10_;
  wants_upgrade_ = head.upgrade;
  body_ = Body(head.framing, head.content_length);
  declared_ = head.content_length;
  if (body_.done()) request_done_at_ = began_;
  counters_ = &worker_.unrouted();
  return route(head, rest);
}

void Exchange::refuse(Cause cause) {
  counters_ = &worker_.unrouted();
  set_request_id({});
  keep_alive_ = false;
  // What comes behind an unusable head is of unknown length.
  body_ = Body(Framing::until_close, 0);
  fail(cause);
}

// Head and body that came together go on together: one system call, and one piece for replay.h.
std::size_t Exchange::route(const Head& head, std::string_view rest) {
  RequestFields& fields = worker_.request_fields();
  read_fields(head, fields);
  set_request_id(fields.request_id);
  notes_.note_call(head.method, head.target);
  const std::string_view traceparent = set_trace(fields);
  if (!fields.instance.empty()) wanted_ = fields.instance;  // few ask for one
  std::string_view target;
  bool by_bearer = false;
  if (const auto refusal = refusal_of(head, target, by_bearer); refusal.has_value()) {
    fail(*refusal);
    return 0;
  }
  request_ = worker_.take_text();
  write_request_head(request_, head, fields,
                     {.target = target,
                      .request_id = request_id(),
                      .traceparent = traceparent,
                      .peer = client_.peer(),
                      .keep_authorization = !by_bearer,
                      .is_encrypted = client_.is_encrypted()});
  std::size_t used = 0;
  const std::optional<Cause> wrong = read_body(rest, used);
  request_.append(rest.substr(0, used));
  if (wrong.has_value()) {
    keep_alive_ = false;
    fail(*wrong);
  } else if (body_.framing() == Framing::length && !body_.done() &&
             request_.size() + declared_ <= gathered_bytes_max()) {
    gather();
  } else {
    admit();
  }
  return used;
}

// More is not read from a client before some of it has gone.
std::size_t Exchange::gathered_bytes_max() const {
  return std::min(k_unread_kept_bytes_max, worker_.limits().unsent_request_bytes_max);
}

// A small body is waited for, so that the request goes out in one piece: it can then be sent again
// when a kept connection turns out dead (replay.h), and no instance waits for a slow client.
void Exchange::gather() {
  gathering_ = true;
  send_continue();
}

void Exchange::send_continue() {
  if (!std::exchange(wants_continue_, false) || body_.done()) return;
  if (!client_.send("HTTP/1.1 100 Continue\r\n\r\n", {})) on_client_gone();
}

std::optional<Cause> Exchange::refusal_of(const Head& head, std::string_view& target,
                                          bool& by_bearer) {
  const RequestFields& fields = worker_.request_fields();
  Table& table = worker_.table();
  if (origin_form(head.target) == "/healthz") {
    counters_ = nullptr;
    return table.generation() == 0 ? Cause::no_table : Cause::healthy;
  }
  if (worker_.redirects() && !client_.is_encrypted()) {
    const bool known = write_https_location(worker_.location(), head, worker_.tls_port());
    return known ? Cause::use_https : Cause::bad_request;
  }
  const std::optional<Call> call = parse_call(head.target);
  if (!call) return Cause::no_address;
  if (head.method == "CONNECT" || head.method == "TRACE") return Cause::not_implemented;
  if (table.generation() == 0) return Cause::no_table;
  if (fields.auth_token.empty() && fields.bearer.empty() && fields.app_code.empty()) {
    return Cause::no_token;
  }
  if (!is_authorized(fields, by_bearer)) return Cause::wrong_token;
  ServiceEntry* const service = table.find(call->service);
  if (service == nullptr) return Cause::unknown_service;
  take_service(*service);
  if (declared_ > worker_.limits().body_bytes_max) return Cause::body_too_large;
  target = call->rest;
  return look_at_traffic(head);
}

std::optional<Cause> Exchange::look_at_traffic(const Head& head) {
  const std::string_view revision = worker_.request_fields().revision;
  if (!revision.empty()) {
    const char* const end = revision.data() + revision.size();
    const auto read = std::from_chars(revision.data(), end, pinned_);
    if (read.ec != std::errc() || read.ptr != end || pinned_ < 1) return Cause::bad_revision;
  }
  const model::TrafficPolicy& traffic = service_->traffic;
  if (traffic.rate.is_set()) {
    const auto wait = service_->admission->take_token(traffic.rate, worker_.loop().turn());
    if (wait.has_value()) {
      retry_after_s_ = retry_after(*wait);
      ++counters_->outcomes.rate_limited;
      return Cause::rate_limited;
    }
  }
  if (traffic.sticky.by != model::Sticky::By::none) {
    session_ = session_of(head, traffic.sticky);
    is_new_session_ = session_.empty() && traffic.sticky.by == model::Sticky::By::cookie;
    if (is_new_session_) session_ = worker_.make_request_id();
  }
  return std::nullopt;
}

bool Exchange::is_authorized(const RequestFields& fields, bool& by_bearer) {
  if (is_token_valid(fields.auth_token)) return true;
  if (is_token_valid(fields.app_code)) return true;
  by_bearer = is_token_valid(fields.bearer);
  return by_bearer;
}

// One that the connection sent before is only compared.
bool Exchange::is_token_valid(std::string_view token) {
  if (token.empty()) return false;
  const model::Generation since = worker_.table().tokens_since();
  TokenMemory& memory = client_.token_memory();
  if (memory.holds(token, since)) return true;
  if (!worker_.is_token_valid(token)) return false;
  memory.keep(token, since);
  return true;
}

void Exchange::take_service(ServiceEntry& service) {
  service_ = &service;
  ++service.users;
  counters_ = service.unrouted;
}

// Once; a request that waits or is sent again has its place already.
void Exchange::admit() {
  if (const std::int64_t limit = service_->traffic.concurrency; limit > 0) {
    if (!service_->admission->enter(limit)) {
      ++service_->unrouted->outcomes.concurrency_limited;
      return fail(Cause::too_many_at_once);
    }
    entered_ = true;
  }
  place();
}

void Exchange::place() {
  if (!service_->routed) return fail(Cause::unknown_service);
  switch (service_->standing) {
    case model::Standing::stopped: return fail(Cause::not_started);
    case model::Standing::not_ready: return hold();
    case model::Standing::serving: return pick_endpoint();
  }
}

void Exchange::hold() {
  const Limits& limits = worker_.limits();
  if (!service_->admission->park(request_.size(), limits.held_requests_max,
                                 limits.held_bytes_max)) {
    return fail(Cause::hold_full);
  }
  held_bytes_ = request_.size();
  service_->hold.add(*this);
  in_hold_ = true;
  worker_.count_held(1);
  if (held_since_ == net::k_never) held_since_ = worker_.loop().turn();
  set_hold_deadline();
}

// A request that returns to the hold has only what is left of its time.
net::Instant Exchange::hold_end() const {
  const Duration routed = service_->hold_time;
  return held_since_ + (routed > Duration::zero() ? routed : worker_.limits().hold_timeout);
}

void Exchange::set_hold_deadline() {
  const net::Instant retry = worker_.loop().turn() + worker_.limits().refused_retry;
  client_.set_deadline(tried_.empty() ? hold_end() : std::min(hold_end(), retry));
}

void Exchange::leave_hold() {
  if (!in_hold_) return;
  in_hold_ = false;
  worker_.count_held(-1);
  service_->hold.remove(*this);
  service_->admission->unpark(held_bytes_);
  held_for_ = std::max(held_for_, worker_.loop().turn() - held_since_);
  hold_to_count_ = true;
}

// Once it is known who answers, not once it is answered: the reading that says which table is in
// use then tells of the requests that it set free.
void Exchange::count_hold() {
  if (!std::exchange(hold_to_count_, false) || counters_ == nullptr) return;
  model::Outcomes& outcomes = counters_->outcomes;
  outcomes.held += std::exchange(hold_counted_, true) ? 0 : 1;
  const auto micros = static_cast<std::uint64_t>(held_for_.count());
  outcomes.held_longest_us = std::max(outcomes.held_longest_us, micros);
  outcomes.held_for.record(micros);
  worker_.counters().changed(*counters_);
  worker_.on_counted();
}

void Exchange::on_service_changed() {
  leave_hold();
  tried_.clear();
  client_.clear_deadline();
  if (!body_.done()) client_.expect_body();
  place();
  if (!over_) client_.resume();
}

// Ours to answer, while nothing of the answer has been sent.
void Exchange::fail(Cause cause) {
  release_upstream(false);
  leave_hold();
  const AnswerRule& rule = rule_of(cause);
  status_ = rule.status;
  failed_ = rule.failed;
  notes_.error = word_of(cause);
  answer_started_ = answer_complete_ = true;
  first_byte_at_ = net::monotonic_now();
  // A body that was not asked for (100-continue) or is long is not waited for.
  const bool short_rest = body_.framing() == Framing::length && !wants_continue_ &&
                          declared_ <= worker_.limits().discard_bytes_max;
  keep_alive_ = keep_alive_ && (body_.done() || short_rest) && cause != Cause::request_timeout;
  std::string& text = worker_.scratch();
  text.clear();
  write_answer(text, cause,
               {.request_id = request_id(),
                .revision = revision_,
                .keep_alive = keep_alive_,
                .to_head = to_head_,
                .location = cause == Cause::use_https ? worker_.location() : std::string_view(),
                .retry_after_s = retry_after_s_});
  answer_bytes_ = text.size() - (text.find("\r\n\r\n") + 4);
  if (!client_.send(text, {})) return on_client_gone();
  settle();
}

void Exchange::fail_if_open(Cause cause) {
  if (answer_started_) return cut("cut");
  fail(cause);
}

// Whoever brings the exchange a step nearer to its end calls this last.
void Exchange::settle() {
  if (over_ || !answer_complete_ || client_.has_unsent()) return;
  account();
  if (body_.done()) return over(keep_alive_ ? End::keep : End::close);
  const std::uint64_t rest = declared_ > body_bytes_ ? declared_ - body_bytes_ : 0;
  if (!keep_alive_ || rest > worker_.limits().discard_bytes_max ||
      body_bytes_ > worker_.limits().body_bytes_max) {
    over(End::linger);
  }
}

void Exchange::account() {
  if (accounted_) return;
  accounted_ = true;
  if (entered_) service_->admission->leave();
  if (counters_ == nullptr) return;
  const net::Instant now = net::monotonic_now();
  model::Outcomes& outcomes = counters_->outcomes;
  ++outcomes.requests;
  ++outcomes.by_class[static_cast<std::size_t>(status_ / 100)];
  outcomes.failed += failed_ ? 1 : 0;
  outcomes.retried += retries_ > 0 ? 1 : 0;
  outcomes.cut += was_cut_ ? 1 : 0;
  outcomes.streams += streamed_ && !gone_ ? 1 : 0;
  outcomes.client_gone += gone_ ? 1 : 0;
  count_hold();
  outcomes.held_done += hold_counted_ ? 1 : 0;
  outcomes.bytes_in += body_bytes_;
  outcomes.bytes_out += answer_bytes_;
  const auto took = static_cast<std::uint64_t>((now - began_).count());
  outcomes.latency.record(took);
  outcomes.latency_us += took;
  if (first_byte_at_ != net::k_never) {
    const auto first = static_cast<std::uint64_t>((first_byte_at_ - began_).count());
    outcomes.first_byte.record(first);
    outcomes.first_byte_us += first;
  }
  worker_.counters().changed(*counters_);
  worker_.on_counted();
  if (worker_.access().is_on()) record(now);
}

void Exchange::record(net::Instant now) {
  const auto micros = [](Duration time) {
    return static_cast<std::uint64_t>(std::max(time.count(), std::int64_t{0}));
  };
  const bool has_first_byte = first_byte_at_ != net::k_never;
  worker_.access().put(
      {.ended = now,
       .scope = counters_->access_scope,
       .instance = notes_.instance(),
       .method = notes_.method(),
       .target = notes_.target(),
       .client = client_.peer(),
       .request_id = request_id(),
       .trace_id = notes_.trace.text(),
       .error = gone_ && notes_.error != k_client_stalled ? k_client_gone : notes_.error,
       .status = status_,
       .bytes_in = body_bytes_,
       .bytes_out = answer_bytes_,
       .duration_us = micros(now - began_),
       .first_byte_us = has_first_byte ? micros(first_byte_at_ - began_) : 0,
       .held_us = micros(held_for_),
       .retries = retries_,
       .has_first_byte = has_first_byte,
       .is_streamed = streamed_});
}

void Exchange::over(End end) {
  HL_DCHECK(!over_);
  over_ = true;
  release_upstream(false);
  account();
  if (service_ != nullptr) --service_->users;
  switch (end) {
    case End::keep: return client_.on_exchange_over(Caller::After::next_request);
    case End::close: return client_.on_exchange_over(Caller::After::close);
    case End::linger: return client_.on_exchange_over(Caller::After::linger);
    case End::reset: return client_.on_exchange_over(Caller::After::reset);
    case End::abort: return client_.on_exchange_over(Caller::After::abort);
  }
}

void Exchange::on_client_drained() {
  if (over_) return;
  if (answer_complete_) return settle();
  if (upstream_ != nullptr) upstream_->read();
}

void Exchange::on_client_gone() {
  if (over_) return;
  gone_ = !accounted_;
  leave_hold();
  leave_stream();
  release_upstream(false);
  account();
  over(End::abort);
}

void Exchange::on_client_stalled() {
  if (!over_ && !accounted_ && counters_ != nullptr) {
    ++counters_->outcomes.client_stalled;
    notes_.error = k_client_stalled;
  }
  on_client_gone();
}

void Exchange::on_client_deadline() {
  if (in_hold_) {
    const bool refused = !tried_.empty();
    const bool over = worker_.loop().turn() >= hold_end();
    if (refused && !over) return on_service_changed();
    return fail(refused ? Cause::refused : Cause::hold_expired);
  }
  if (answer_complete_) return over(End::abort);  // the rest of a body that nobody waits for
  fail_if_open(Cause::request_timeout);
}

// Its instance hears so behind all that it has sent, and ends the tunnel in its own way.
void Exchange::on_client_ended() {
  client_ended_ = true;
  if (over_ || upstream_ == nullptr) return end_tunnel();
  if (unsent() > 0) return;
  upstream_->shut_writing();
  upstream_->set_deadline(worker_.loop().turn() + worker_.limits().body_stall_timeout);
}

void Exchange::end_tunnel() {
  streamed_ = !answer_complete_;
  leave_stream();
  release_upstream(false);
  answer_complete_ = true;
  account();
  over(End::close);
}

}  // namespace hitless::gateway
