#include "bench/gateway/load.h"

#include <fmt/format.h>

#include "bench/gateway/interrupt.h"
#include "bench/gateway/link.h"
#include "bench/gateway/load_client.h"
#include "bench/gateway/load_upstream.h"

namespace hitless::bench {
namespace {

// A run in which nothing ends for so long has come to a standstill.
constexpr std::chrono::seconds k_patience{60};
// Clients that pause do it at least so exactly.
constexpr std::chrono::milliseconds k_nap{1};
// The instance answers what was asked before the clients left, so that the proxy is done with it.
constexpr std::chrono::milliseconds k_farewell{20};
// The clock is read once in so many turns.
constexpr int k_turns_at_once = 16;

float micros(Clock::duration duration) {
  return std::chrono::duration<float, std::micro>(duration).count();
}

// The same to every proxy, and what ours needs is in it.
std::string request_of(const Shape& shape) {
  std::string body = "{\"inputs\":\"";
  if (shape.request_bytes > body.size() + 2) body.resize(shape.request_bytes - 2, 'x');
  body.append("\"}");
  return fmt::format(
             "POST /v1/infers/{}/predict HTTP/1.1\r\nHost: models.example\r\n"
             "User-Agent: bench\r\nAccept: */*\r\nX-Auth-Token: {}\r\n"
             "Content-Type: application/json\r\nContent-Length: {}\r\n{}\r\n",
             k_service, k_token, body.size(), shape.is_fresh ? "Connection: close\r\n" : "") +
         body;
}

std::string answer_of(const Shape& shape) {
  if (shape.is_stream) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
           "Transfer-Encoding: chunked\r\n\r\n";
  }
  std::string body = "{\"outputs\":\"";
  body.resize(shape.answer_bytes - 2, 'y');
  body.append("\"}");
  return fmt::format(
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
             body.size()) +
         body;
}

}  // namespace

Load::Load(const Shape& shape, const std::filesystem::path& folder)
    : shape_(shape),
      request_(request_of(shape)),
      answer_(answer_of(shape)),
      buffer_(std::make_unique<char[]>(k_buffer_bytes)),
      upstream_(std::make_unique<LoadUpstream>(*this, folder)) {}

Load::~Load() = default;

Address Load::upstream() const {
  return upstream_->address();
}

void Load::connect(const Address& proxy, std::size_t clients) {
  for (std::size_t i = 0; i < clients && !failed(); ++i) {
    clients_.push_back(std::make_unique<LoadClient>(*this, proxy));
    turn();
  }
}

void Load::disconnect() {
  may_ask_ = 0;
  clients_.clear();
  const Clock::time_point end = Clock::now() + k_farewell;
  while (Clock::now() < end) turn();
}

bool Load::may_ask() {
  if (may_ask_ == 0) return false;
  if (may_ask_ != k_no_limit) --may_ask_;
  return true;
}

void Load::set_out(std::uint64_t units) {
  may_ask_ = units;
  const Clock::time_point now = Clock::now();
  for (const auto& client : clients_) client->ask(now);
}

void Load::begin_window() {
  window_ = {};
  window_began_ = Clock::now();
}

Window Load::end_window() {
  window_.seconds = std::chrono::duration<double>(Clock::now() - window_began_).count();
  return std::move(window_);
}

void Load::turn() {
  if (shape_.is_stream) upstream_->beat(Clock::now());
  poller_.turn();
}

void Load::turn_often() {
  if (shape_.pause.count() > 0) {
    poller_.turn(k_nap);
    set_out(may_ask_);
  } else {
    for (int i = 0; i < k_turns_at_once && !failed(); ++i) turn();
  }
  if (is_ending()) fail("the benchmark ends");
}

Window Load::run_for(std::chrono::milliseconds time) {
  if (may_ask_ == 0) set_out(k_no_limit);
  const Clock::time_point end = Clock::now() + time;
  return run_until([end] { return Clock::now() >= end; });
}

Window Load::run_units(std::uint64_t units) {
  begin_window();
  if (!shape_.is_stream) set_out(units);
  const std::uint64_t& done = shape_.is_unanswered ? arrived_ : ended_;
  const std::uint64_t target = done + units;
  std::uint64_t before = done;
  Clock::time_point give_up = Clock::now() + k_patience;
  while (!failed() && done < target) {
    turn_often();
    const Clock::time_point now = Clock::now();
    if (done != before) give_up = now + k_patience;
    before = done;
    if (now > give_up)
      fail(fmt::format("a standstill after {} of {}", units + done - target, units));
  }
  return end_window();
}

Window Load::run_each_once() {
  const Clock::time_point give_up = Clock::now() + k_patience;
  set_out(shape_.is_stream ? clients_.size() : k_no_limit);
  std::size_t without = 0;
  const auto all = [&] {
    while (without < clients_.size() && clients_[without]->units() > 0) ++without;
    if (Clock::now() > give_up) fail("a client without an answer");
    return without == clients_.size();
  };
  return run_until(all);
}

void Load::unit_ended(Clock::time_point began, Clock::time_point now) {
  ++ended_;
  ++window_.units;
  window_.latency_us.push_back(micros(now - began));
  if (keeps_times_) window_.ended.push_back(now);
}

void Load::first_byte(Clock::time_point began, Clock::time_point now) {
  window_.first_byte_us.push_back(micros(now - began));
}

void Load::fail(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
}

}  // namespace hitless::bench
