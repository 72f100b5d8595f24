#include "gateway/http2_connection.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "gateway/worker.h"

namespace hitless::gateway {
namespace {

// What is gathered for one call to the kernel: some full frames, so that large answers cost few.
constexpr std::size_t k_output_bytes = 64 * 1024;

net::Http2Options options_of(const Limits& limits) {
  return {.streams_max = limits.http2_streams_max,
          .stream_window_bytes = limits.http2_stream_window_bytes,
          .connection_window_bytes = limits.http2_connection_window_bytes,
          .head_bytes_max = static_cast<std::uint32_t>(limits.head_bytes_max),
          .continuations_max = limits.http2_continuations_max,
          .resets_burst = limits.http2_resets_burst,
          .resets_per_second = limits.http2_resets_per_second,
          .idle_frames_max = limits.http2_idle_frames_max};
}

}  // namespace

using Reason = net::Http2Session::Reason;

Http2Connection::Http2Connection(Worker& worker, net::Channel channel, const std::string& peer,
                                 std::string_view begun)
    : worker_(worker),
      channel_(std::move(channel)),
      timer_(worker.loop(), *this),
      goaway_timer_(worker.loop(), *this),
      peer_(peer),
      begun_(begun) {}

Http2Connection::~Http2Connection() = default;

void Http2Connection::start() {
  auto session = net::Http2Session::make(options_of(worker_.limits()), *this);
  if (!session) {
    log_warn("http2_refused", {{"cause", session.error().text()}});
    return close();
  }
  session_ = std::move(*session);
  if (!worker_.loop().watch(channel_.fd(), *this, net::EventLoop::Interest::read_write)) {
    return close();
  }
  set_deadline();
  flush_soon();
  take(std::exchange(begun_, {}));
  if (worker_.draining()) drain();
  pump();
}

void Http2Connection::on_ready(net::Ready ready) {
  if (!channel_) return;
  if (ready.broken) return gone();
  at_end_ = at_end_ || ready.half_closed;
  readable_ = readable_ || ready.readable || (channel_.encrypted() && ready.writable);
  if (ready.writable && !output_.empty()) flush();
  pump();
}

void Http2Connection::pump() {
  while (channel_ && readable_) read_some();
}

void Http2Connection::read_some() {
  const std::span<char> buffer = worker_.loop().receive_buffer();
  bool drained = false;
  const ssize_t got = channel_.receive(buffer, drained);
  if (got > 0) {
    if (drained && !at_end_) readable_ = false;
    return take({buffer.data(), static_cast<std::size_t>(got)});
  }
  if (got < 0 && errno == EINTR) return;
  readable_ = false;
  // Whoever closes its sending side can open no window and wants nothing more.
  if (got == 0 || errno != EAGAIN) gone();
}

void Http2Connection::take(std::string_view bytes) {
  if (waits_for_ == For::linger) {
    discarded_ += bytes.size();
    if (discarded_ > worker_.limits().discard_bytes_max) close();
    return;
  }
  if (broken_ || bytes.empty()) return;
  broken_ = !session_->receive(bytes);
  flush_soon();
}

// ---- what the session tells

Http2Stream* Http2Connection::find(StreamId id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Http2Connection::on_head_begin(StreamId id, HeadKind kind) {
  head_of_ = id;
  head_kind_ = kind;
  if (kind == HeadKind::request) {
    streams_.emplace(id, std::make_unique<Http2Stream>(worker_, *this, id));
  }
}

bool Http2Connection::on_field(StreamId id, std::string_view name, std::string_view value) {
  Http2Stream* const stream = find(id);
  if (stream == nullptr) return true;
  return head_kind_ == HeadKind::request ? stream->on_field(name, value)
                                         : stream->on_trailer(name, value);
}

void Http2Connection::on_head(StreamId id, HeadKind kind, bool at_end) {
  head_of_ = 0;
  asked_ = true;
  Http2Stream* const stream = find(id);
  if (stream == nullptr) return;
  if (kind == HeadKind::request) {
    stream->on_head(at_end);
  } else {
    stream->on_end();
  }
}

void Http2Connection::on_data(StreamId id, std::string_view bytes) {
  if (Http2Stream* const stream = find(id)) return stream->on_data(bytes);
  session_->consume(id, bytes.size());
}

void Http2Connection::on_end(StreamId id) {
  if (Http2Stream* const stream = find(id)) stream->on_end();
}

net::Http2Session::Supply Http2Connection::on_supply(StreamId id, std::span<char> into) {
  Http2Stream* const stream = find(id);
  HL_CHECK(stream != nullptr);  // it is forgotten when the session has closed it
  return stream->on_supply(into);
}

void Http2Connection::on_answer_sent(StreamId id, bool request_ended) {
  if (Http2Stream* const stream = find(id)) stream->on_answer_sent(request_ended);
}

void Http2Connection::on_closed(StreamId id, std::uint32_t) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (head_of_ == id) head_of_ = 0;
  std::unique_ptr<Http2Stream> stream = std::move(found->second);
  streams_.erase(found);
  stream->on_closed();
  if (stream->is_over()) {
    worker_.loop().bury(std::move(stream));
  } else {
    leaving_.push_back(std::move(stream));
  }
}

void Http2Connection::on_pong() {
  if (!draining_) return;
  goaway_timer_.clear();
  session_->end(Reason::no_error);
  flush_soon();
}

// ---- writing

bool Http2Connection::is_full() const {
  return unsent_ >= worker_.limits().http2_unsent_bytes_max;
}

void Http2Connection::flush_soon() {
  if (std::exchange(flush_due_, true)) return;
  worker_.loop().at_turn_end(*this);
}

void Http2Connection::on_turn_end() {
  flush_due_ = false;
  if (channel_ && waits_for_ != For::linger) flush();
}

void Http2Connection::flush() {
  if (!write_out()) return gone();
  // Behind the announcement, which a session would put second: its echo says that it was heard.
  if (std::exchange(ping_due_, false)) {
    session_->ping();
    if (!write_out()) return gone();
  }
  if (output_.empty()) {
    tell_flushed();
    if (session_->is_over() || broken_) return linger();
  }
  set_deadline();
}

// Until all is out or the kernel takes no more; false: the client has gone.
bool Http2Connection::write_out() {
  for (;;) {
    if (output_.empty()) session_->write(output_, k_output_bytes);
    if (output_.empty()) return true;
    const ssize_t sent = channel_.send(std::string_view(output_).substr(output_sent_));
    if (sent < 0) return errno == EAGAIN;
    wrote_ = true;
    output_sent_ += static_cast<std::size_t>(sent);
    if (output_sent_ < output_.size()) continue;
    output_.clear();
    output_sent_ = 0;
  }
}

void Http2Connection::tell_flushed() {
  if (output_.capacity() > k_output_bytes) std::string().swap(output_);
  std::vector<Http2Stream*> waiting;
  for (const auto& [id, stream] : streams_) {
    if (stream->waits()) waiting.push_back(stream.get());
  }
  for (Http2Stream* stream : waiting) stream->on_flushed();
  for (std::unique_ptr<Http2Stream>& stream : std::exchange(leaving_, {})) {
    stream->on_flushed();
    HL_CHECK(stream->is_over());
    worker_.loop().bury(std::move(stream));
  }
}

// ---- time, and the end

void Http2Connection::set_deadline() {
  if (!output_.empty()) {
    if (waits_for_ != For::write || std::exchange(wrote_, false)) {
      waits_for_ = For::none;
      wait_for(For::write);
    }
  } else if (head_of_ != 0) {
    wait_for(For::head);
  } else if (!streams_.empty()) {
    wait_for(For::none);
  } else {
    wait_for(asked_ ? For::idle : For::first);
    // What kept it from being told in its turn is over.
    if (worker_.leaving() && goaway_timer_.deadline() == net::k_never) drain();
  }
}

void Http2Connection::wait_for(For what) {
  if (what == waits_for_) return;
  waits_for_ = what;
  const Limits& limits = worker_.limits();
  const net::Instant now = worker_.loop().turn();
  switch (what) {
    case For::none: return timer_.clear();
    case For::first:
    case For::head: return timer_.set(now + limits.head_timeout);
    case For::idle: return timer_.set(now + limits.idle_timeout);
    case For::write: return timer_.set(now + limits.write_stall_timeout);
    case For::linger: return timer_.set(now + limits.linger_timeout);
  }
}

void Http2Connection::on_timer(net::Timer& timer) {
  if (!channel_) return;
  if (&timer == &goaway_timer_) return draining_ ? on_pong() : drain();
  switch (waits_for_) {
    case For::linger: return close();
    case For::write: return is_moving() ? void() : gone(true);
    case For::head: session_->end(Reason::enhance_your_calm); break;
    default: session_->end(Reason::no_error); break;
  }
  flush_soon();
}

// The kernel may have been sending all the while without room for more of ours.
bool Http2Connection::is_moving() {
  const Duration limit = worker_.limits().write_stall_timeout;
  const Duration since = channel_.unmoved_for().value_or(limit);
  if (since < limit) timer_.set(worker_.loop().turn() + (limit - since));
  return since < limit;
}

// Told twice (RFC 9113 section 6.8): a request that was on its way when we spoke is still served.
void Http2Connection::drain() {
  if (draining_ || waits_for_ == For::linger) return;
  draining_ = true;
  session_->announce_end();
  ping_due_ = true;
  goaway_timer_.set(worker_.loop().turn() + worker_.limits().http2_goaway_wait);
  flush_soon();
}

// nullopt: one of them waits for somebody else than the client.
std::optional<net::Instant> Http2Connection::streams_wait_since() const {
  net::Instant latest{};
  for (const auto& [id, stream] : streams_) {
    if (id == head_of_) continue;
    const auto since = stream->waits_for_client_since();
    if (!since.has_value()) return std::nullopt;
    latest = std::max(latest, *since);
  }
  return latest;
}

std::optional<Connection::Wait> Http2Connection::wait() const {
  const Limits& limits = worker_.limits();
  const net::Instant deadline = timer_.deadline();
  if (!channel_) return std::nullopt;
  const auto streams = streams_wait_since();
  if (!streams.has_value()) return std::nullopt;
  const auto owes = [&](Owed what, Duration limit) {
    return Wait{what, std::max(*streams, deadline - limit)};
  };
  switch (waits_for_) {
    case For::none: return Wait{Owed::body, *streams};
    case For::first:
    case For::head: return owes(Owed::head, limits.head_timeout);
    case For::idle: return owes(Owed::next_request, limits.idle_timeout);
    case For::write: return owes(Owed::reading, limits.write_stall_timeout);
    case For::linger: return owes(Owed::head, limits.linger_timeout);
  }
  return std::nullopt;
}

// Who has long streams only is told when the last of them has ended.
void Http2Connection::on_answer() {
  if (worker_.draining()) drain();
}

void Http2Connection::end_streams(bool by_stall) {
  for (auto& [id, stream] : std::exchange(streams_, {})) {
    stream->on_gone(by_stall);
    worker_.loop().bury(std::move(stream));
  }
  for (std::unique_ptr<Http2Stream>& stream : std::exchange(leaving_, {})) {
    stream->on_gone(by_stall);
    worker_.loop().bury(std::move(stream));
  }
}

void Http2Connection::linger() {
  end_streams(false);
  goaway_timer_.clear();
  channel_.shut_writing();
  wait_for(For::linger);
  pump();
}

void Http2Connection::gone(bool by_stall) {
  end_streams(by_stall);
  close();
}

// The budget is over: the clients of what is still open are told that it does not end well.
void Http2Connection::shut() {
  if (!channel_) return;
  if (session_ != nullptr && waits_for_ != For::linger) {
    for (const auto& [id, stream] : streams_) session_->reset(id, Reason::internal_error);
    session_->end(Reason::no_error);
    write_out();
  }
  gone();
}

void Http2Connection::close() {
  if (!channel_) return;
  channel_.close();
  timer_.clear();
  goaway_timer_.clear();
  worker_.remove(*this);
}

}  // namespace hitless::gateway
