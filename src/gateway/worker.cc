#include "gateway/worker.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/crypto.h"
#include "base/log.h"
#include "gateway/client_connection.h"
#include "gateway/exchange.h"
#include "gateway/http2_connection.h"
#include "gateway/tls_handshake.h"

namespace hitless::gateway {
namespace {

// Changed counters reach control this often; what control waits for goes at once.
constexpr Duration k_report_interval = std::chrono::milliseconds(250);
// A storm of refused connections is told of this often.
constexpr Duration k_report_pause = std::chrono::milliseconds(10);

// Of the connections, so many are closed at once to make room.
constexpr std::size_t k_room_share = 64;
// The log tells of a crowd this often.
constexpr Duration k_crowd_told_every = std::chrono::seconds(10);
// For a client that has got an answer after all others were closed, to ask for the next thing.
constexpr Duration k_leave_moment = std::chrono::seconds(1);

// A turn's worth of small requests is kept to be written into again.
constexpr std::size_t k_spare_buffers_max = 64;
constexpr std::size_t k_spare_bytes_max = 4 * 1024;

constexpr std::array<std::array<char, 2>, 256> k_hex_pairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    pairs[byte] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  return pairs;
}();

void write_hex(std::uint64_t word, char* to) {
#pragma GCC unroll 8
  for (int byte = 0; byte < 8; ++byte, word >>= 8, to += 2) {
    std::memcpy(to, k_hex_pairs[word & 0xff].data(), 2);
  }
}

std::uint64_t random_word() {
  const std::string hex = random_hex(8);
  std::uint64_t word = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), word, 16);
  return word | 1;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::make(std::size_t index, const GatewayOptions& options,
                                             Sockets sockets, Sink sink, AccessWriter* access) {
  HL_TRY_ASSIGN(std::unique_ptr<net::EventLoop> loop, net::EventLoop::make());
  return std::unique_ptr<Worker>(
      new Worker(index, options, std::move(loop), std::move(sockets), std::move(sink), access));
}

Worker::Worker(std::size_t index, const GatewayOptions& options,
               std::unique_ptr<net::EventLoop> loop, Sockets sockets, Sink sink,
               AccessWriter* access)
    : index_(index),
      options_(options),
      connections_max_(options.limits.connections_max / options.workers),
      sink_(std::move(sink)),
      loop_(std::move(loop)),
      unrouted_(counters_.of(model::ServiceId(), 0, {})),
      access_(access),
      table_(counters_, index),
      identity_(std::move(sockets.identity)),
      report_timer_(*loop_, *this),
      drain_timer_(*loop_, *this),
      id_state_{random_word(), random_word()},
      traceparent_(k_traceparent_form) {
  write_hex(random_word(), traceparent_.data() + k_trace_id_at);
  using Speaks = Listener::Speaks;
  for (UniqueFd& fd : sockets.plain) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(fd), Speaks::plain));
  }
  for (UniqueFd& fd : sockets.tls) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(fd), Speaks::tls));
  }
}

Result<void> Worker::accept_connections() {
  for (const auto& listener : listeners_) HL_TRY(listener->start());
  return {};
}

Worker::~Worker() {
  // A stopped worker that still has connections ends them as if their clients had left.
  while (!connections_.empty()) connections_.back()->shut();
}

void Worker::run() {
  loop_->run();
}

void Worker::adopt(const TableChange& change) {
  HL_CHECK(change.generation > table_.generation());
  const Table::Adopted adopted = table_.adopt(change);
  for (Endpoint* endpoint : adopted.retired) retire(*endpoint);
  look_at_streams();
  for (ServiceEntry* service : adopted.changed) release_hold(*service);
  table_.sweep();
  report();
}

// No idle connection outlives its endpoint's place in the table, so none can be closed by a
// stopping instance just as a request is sent on it.
void Worker::retire(Endpoint& endpoint) {
  endpoint.retired_at = loop_->turn();
  while (std::unique_ptr<UpstreamConnection> idle = endpoint.idle.take()) {
    idle->close();
    loop_->bury(std::move(idle));
  }
}

void Worker::release_hold(ServiceEntry& service) {
  if (service.routed && service.standing == model::Standing::not_ready) {
    // They go on waiting, perhaps for a longer or a shorter time.
    return service.hold.each([](Exchange& exchange) { exchange.set_hold_deadline(); });
  }
  // Those that return to the hold wait for the next change.
  for (std::size_t count = service.hold.size(); count > 0; --count) {
    Exchange* const first = service.hold.first();
    if (first == nullptr) return;
    first->on_service_changed();
  }
}

void Worker::accepted(UniqueFd fd, std::string peer) {
  add(std::make_unique<ClientConnection>(*this, net::Channel(std::move(fd)), peer));
}

void Worker::accepted_tls(UniqueFd fd, std::string peer) {
  add(std::make_unique<TlsHandshake>(*this, std::move(fd), std::move(peer), identity_));
}

void Worker::replace(Connection& before, net::Channel channel, const std::string& peer,
                     bool is_http2) {
  if (is_http2) return replace(before, std::move(channel), peer, std::string_view());
  add(std::make_unique<ClientConnection>(*this, std::move(channel), peer));
  remove(before);
}

// First the one, then the other: a draining worker is done when it has none.
void Worker::replace(Connection& before, net::Channel channel, const std::string& peer,
                     std::string_view begun) {
  add(std::make_unique<Http2Connection>(*this, std::move(channel), peer, begun));
  remove(before);
}

// Many at a time: looking through all connections for one would cost more than serving it.
bool Worker::make_room() {
  using Waiting = std::pair<Connection::Wait, Connection*>;
  std::vector<Waiting> waiting;
  const net::Instant latest = loop_->turn() - limits().crowded_patience;
  for (const auto& connection : connections_) {
    const auto wait = connection->wait();
    if (wait.has_value() && wait->since <= latest) waiting.emplace_back(*wait, connection.get());
  }
  const std::size_t count =
      std::min(waiting.size(), std::max<std::size_t>(connections_.size() / k_room_share, 1));
  std::partial_sort(
      waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count), waiting.end(),
      [](const Waiting& left, const Waiting& right) { return left.first < right.first; });
  if (count > 0 && loop_->turn() - crowd_told_at_ > k_crowd_told_every) {
    crowd_told_at_ = loop_->turn();
    log_warn("connections_full", {{"connections", std::to_string(connections_.size())},
                                  {"waiting_for_clients", std::to_string(waiting.size())}});
  }
  for (std::size_t i = 0; i < count; ++i) waiting[i].second->give_up();
  return count > 0;
}

void Worker::add(std::unique_ptr<Connection> connection) {
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
  connections_.back()->start();
}

void Worker::remove(Connection& connection) {
  const std::size_t index = connection.index;
  HL_CHECK(index < connections_.size() && connections_[index].get() == &connection);
  loop_->bury(std::move(connections_[index]));
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  if (draining_) return check_drained();
  for (const auto& listener : listeners_) listener->resume();
}

bool Worker::is_token_valid(std::string_view token) {
  const model::Generation since = table_.tokens_since();
  if (valid_token_.holds(token, since)) return true;
  if (!table_.tokens().accepts(token)) return false;
  valid_token_.keep(token, since);
  return true;
}

// xorshift128+: unique, not secret.
std::uint64_t Worker::random() {
  std::uint64_t x = id_state_[0];
  const std::uint64_t y = id_state_[1];
  id_state_[0] = y;
  x ^= x << 23;
  id_state_[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
  return id_state_[1] + y;
}

// The first half is the worker's own, and not zero; the second half is random, as Trace Context
// asks (section 3.2.2.3), and names the span too.
std::string_view Worker::make_request_id() {
  char* const id = traceparent_.data() + k_trace_id_at;
  write_hex(std::max<std::uint64_t>(random(), 1), id + k_span_id_digits);
  std::memcpy(traceparent_.data() + k_span_id_at, id + k_span_id_digits, k_span_id_digits);
  return {id, k_trace_id_digits};
}

std::string Worker::take_buffer() {
  if (buffers_.empty()) return {};
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void Worker::give_back(Text text) {
  if (text.capacity() > k_spare_bytes_max || texts_.size() >= k_spare_buffers_max) return;
  text.clear();
  texts_.push_back(std::move(text));
}

void Worker::give_back(std::string buffer) {
  if (buffer.capacity() > k_spare_bytes_max || buffers_.size() >= k_spare_buffers_max) return;
  buffer.clear();
  buffers_.push_back(std::move(buffer));
}

void Worker::on_counted() {
  if (report_timer_.deadline() == net::k_never) {
    report_timer_.set(loop_->turn() + k_report_interval);
  }
}

void Worker::report_soon() {
  const net::Instant earliest = reported_at_ + k_report_pause;
  if (earliest <= loop_->turn()) return report();
  if (earliest < report_timer_.deadline()) report_timer_.set(earliest);
}

void Worker::report() {
  report_timer_.clear();
  reported_at_ = loop_->turn();
  access_.flush();
  sink_(counters_.take_reading(index_, table_.generation()));
}

// Its callers still hold on to the endpoint: it is forgotten in a turn of its own.
void Worker::on_drained() {
  if (sweep_posted_) return;
  sweep_posted_ = true;
  loop_->post([this] {
    sweep_posted_ = false;
    table_.sweep();
    report();
  });
}

void Worker::on_timer(net::Timer& timer) {
  if (&timer == &report_timer_) {
    if (counters_.anything_changed()) report();
    return;
  }
  if (loop_->turn() >= drain_until_) {
    while (!connections_.empty()) connections_.back()->shut();
    return;
  }
  drain_timer_.set(drain_until_);
  // Each leaves the list when it has ended.
  std::vector<Stream*> all;
  for (const auto& stream : streams_) all.push_back(stream.get());
  for (Stream* stream : all) stream->expire();
}

// Streams are ended politely just before.
void Worker::end_within(Duration budget) {
  const net::Instant now = loop_->turn();
  leaves_since_ = std::min(leaves_since_, now);
  drain_until_ = now + budget;
  drain_timer_.set(drain_until_ - std::min(budget / 2, limits().parting_patience * 2));
  look_at_streams();
}

// All of them for each table: there are few, and a glance at one costs little.
void Worker::look_at_streams() {
  for (const auto& stream : streams_) stream->look();
}

Stream& Worker::begin_stream(Exchange& exchange, Endpoint& endpoint, const ServiceEntry& service,
                             Stream::Speaks speaks) {
  streams_.push_back(std::make_unique<Stream>(*this, exchange, endpoint, service, speaks));
  Stream& stream = *streams_.back();
  stream.index = streams_.size() - 1;
  stream.look();
  ++endpoint.streams;
  counters_.changed(endpoint);
  return stream;
}

// Before its lease goes, and with it perhaps the endpoint.
void Worker::end_stream(Stream& stream) {
  stream.stop();
  Endpoint& endpoint = stream.endpoint();
  --endpoint.streams;
  counters_.changed(endpoint);
  const std::size_t index = stream.index;
  HL_CHECK(index < streams_.size() && streams_[index].get() == &stream);
  loop_->bury(std::move(streams_[index]));
  if (index + 1 < streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
}

void Worker::drain(Duration budget, std::function<void()> done) {
  draining_ = true;
  leaving_ = false;
  drained_ = std::move(done);
  for (const auto& listener : listeners_) listener->stop();
  end_within(budget);
  std::vector<Connection*> all;
  for (const auto& connection : connections_) all.push_back(connection.get());
  for (Connection* connection : all) connection->drain();
  check_drained();
}

void Worker::leave(Duration budget, std::function<void()> left) {
  if (draining_) return;  // it ends already, and somebody waits for that
  draining_ = leaving_ = true;
  drained_ = std::move(left);
  for (const auto& listener : listeners_) listener->hold_off();
  const net::Instant now = loop_->turn();
  leave_until_ = now + limits().leave_spread;
  end_within(budget);
  std::vector<Connection*> parting;
  for (const auto& connection : connections_) {
    if (connection->parts_in_turn()) parting.push_back(connection.get());
  }
  const auto count = static_cast<std::int64_t>(parting.size());
  for (std::int64_t i = 0; i < count; ++i) {
    parting[static_cast<std::size_t>(i)]->part_by(now + limits().leave_spread * (i + 1) / count);
  }
  check_drained();
}

void Worker::stay() {
  if (!leaving_) return;
  draining_ = leaving_ = false;
  drained_ = nullptr;
  drain_timer_.clear();
  leaves_since_ = drain_until_ = net::k_never;
  look_at_streams();
  for (const auto& listener : listeners_) listener->resume();
}

// One that has just had its answer is given a moment: its client may be about to ask again.
net::Instant Worker::idle_deadline() const {
  if (!leaving_) return loop_->turn() + limits().idle_timeout;
  return std::max(leave_until_, loop_->turn() + k_leave_moment);
}

void Worker::check_drained() {
  if (!connections_.empty() || drained_ == nullptr) return;
  drain_timer_.clear();
  if (counters_.anything_changed()) report();
  std::exchange(drained_, nullptr)();
}

}  // namespace hitless::gateway
