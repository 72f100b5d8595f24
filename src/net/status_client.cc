#include "net/status_client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "net/event_loop.h"
#include "net/http.h"
#include "net/http1.h"
#include "net/socket.h"

namespace hitless::net {
namespace {

// Of an answer's head.
constexpr std::size_t k_head_bytes_max = 32 * 1024;
// Lower ones announce another answer (RFC 9110, 15.2).
constexpr int k_final_status = 200;
// A Unix socket whose backlog is full does not tell when it has room.
constexpr Duration k_backlog_wait = std::chrono::milliseconds(10);

class Question;

// Where a question's end is told.
class Questions {
 public:
  virtual ~Questions() = default;
  virtual void ended(Question& question) = 0;
};

// One call under way.  Owner: the client; its thread.
class Question final : public Handler {
 public:
  Question(EventLoop& loop, Questions& owner, StatusCall call, StatusClient::Done done)
      : loop_(loop),
        owner_(owner),
        call_(std::move(call)),
        done_(std::move(done)),
        until_(loop.now() + call_.timeout),
        timer_(loop, *this) {}

  // May end it.
  void begin();
  void end(Result<int> outcome);

  void on_ready(Ready ready) override;
  void on_timer(Timer& timer) override;

 private:
  void connect(const SocketAddress& to);
  void flush();
  void read();
  void on_bytes(std::string_view bytes);
  bool has_head() const { return status_ >= k_final_status; }
  bool take_head();
  void take_body(std::string_view bytes);
  void on_close();
  void fail(Code code, std::string_view text);
  void fail(const Error& cause) { fail(cause.code(), cause.text()); }
  void fail_to_connect(int error);

  EventLoop& loop_;
  Questions& owner_;
  const StatusCall call_;
  StatusClient::Done done_;
  const Instant until_;
  Timer timer_;
  UniqueFd fd_;
  bool is_local_ = false;
  bool is_heard_ = false;  // the other side has taken something of it
  bool is_waiting_for_backlog_ = false;
  bool is_over_ = false;
  std::string unsent_;
  std::string head_;  // bytes of a head that is not whole yet
  std::size_t scanned_ = 0;
  int status_ = 0;  // of the newest head
  http1::Body body_;
  std::size_t body_bytes_ = 0;
};

void Question::begin() {
  if (!call_.target.starts_with('/') || !is_sendable(call_.target)) {
    return fail(Code::invalid, "the target must begin with / and hold no blanks");
  }
  const auto to = to_socket_address(call_.to);
  if (!to) return fail(to.error());
  unsent_ = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", call_.target,
                        call_.to.is_unix() ? "localhost" : to_text(call_.to));
  timer_.set(until_);
  connect(*to);
}

void Question::connect(const SocketAddress& to) {
  is_local_ = to.family() == AF_UNIX;
  fd_ = UniqueFd(open_stream_socket(to.family()));
  if (!fd_) return fail(system_error("socket", {}, errno));
  is_waiting_for_backlog_ = false;
  if (::connect(fd_.get(), &to.any, to.size) != 0) {
    is_waiting_for_backlog_ = is_local_ && errno == EAGAIN;
    if (is_waiting_for_backlog_) return timer_.set(loop_.now() + k_backlog_wait);
    if (errno != EINPROGRESS) return fail_to_connect(errno);
  }
  // A Unix socket would say "writable" each time the other side reads.
  using Interest = EventLoop::Interest;
  auto watched = loop_.watch(fd_.get(), *this, is_local_ ? Interest::read : Interest::read_write);
  if (!watched) return fail(watched.error());
  flush();
}

void Question::flush() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      is_heard_ = true;
      unsent_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (is_local_) loop_.watch_writing(fd_.get(), *this);
      return;
    } else if (errno != EINTR) {
      if (!is_heard_) return fail_to_connect(errno);
      unsent_.clear();  // an answer may be there all the same, and reading says what happened
    }
  }
}

void Question::on_ready(Ready ready) {
  if (is_over_) return;
  if (ready.writable) flush();
  if (ready.readable) read();
}

void Question::read() {
  const std::span<char> buffer = loop_.receive_buffer();
  while (!is_over_) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      on_bytes({buffer.data(), static_cast<std::size_t>(got)});
    } else if (got == 0) {
      on_close();
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      if (!is_heard_) return fail_to_connect(errno);
      fail(Code::unavailable, system_error("recv", {}, errno).text());
    }
  }
}

void Question::on_bytes(std::string_view bytes) {
  is_heard_ = true;
  if (has_head()) return take_body(bytes);
  head_.append(bytes);
  if (!take_head()) return;
  const std::string rest = std::exchange(head_, {});
  take_body(rest);
}

// True when the final answer's head is there; head_ has what came after it then.
bool Question::take_head() {
  http1::Head head;
  do {
    const http1::HeadEnd end = http1::find_head_end(head_, scanned_);
    if (end.state == http1::HeadEnd::State::incomplete && head_.size() <= k_head_bytes_max) {
      return false;
    }
    const bool whole = end.state == http1::HeadEnd::State::complete;
    const std::string_view text = std::string_view(head_).substr(0, end.size);
    if (!whole || http1::parse_answer(text, false, head) != http1::Fault::none) {
      fail(Code::corrupt, "the answer is no HTTP");
      return false;
    }
    status_ = head.status;
    body_ = http1::Body(head.framing, head.content_length);
    head_.erase(0, end.size);
    scanned_ = 0;
  } while (!has_head());
  return true;
}

void Question::take_body(std::string_view bytes) {
  while (!bytes.empty() && !body_.done()) {
    const http1::Body::Piece piece = body_.next(bytes);
    if (piece.state == http1::Body::State::bad) {
      return fail(Code::corrupt, "the answer's framing is broken");
    }
    body_bytes_ += piece.data.size();
    if (body_bytes_ > call_.body_bytes_max) {
      return fail(Code::exhausted, "the answer is too large");
    }
    bytes.remove_prefix(piece.used);
  }
  if (body_.done()) end(status_);
}

void Question::on_close() {
  if (!has_head()) return fail(Code::unavailable, "the connection was closed before an answer");
  if (!body_.complete_at_close()) return fail(Code::unavailable, "the answer was cut");
  end(status_);
}

void Question::on_timer(Timer&) {
  if (is_over_) return;
  if (loop_.now() >= until_) {
    return fail(Code::timeout,
                fmt::format("no whole answer within {} ms",
                            std::chrono::ceil<std::chrono::milliseconds>(call_.timeout).count()));
  }
  if (!is_waiting_for_backlog_) return timer_.set(until_);
  const auto to = to_socket_address(call_.to);
  HL_CHECK(to);  // it was an address before
  timer_.set(until_);
  connect(*to);
}

void Question::fail_to_connect(int error) {
  fail(Code::unavailable, system_error("cannot connect", {}, error).text());
}

void Question::fail(Code code, std::string_view text) {
  end(Error(code, fmt::format("calling {}: GET {}: {}", to_text(call_.to), call_.target, text)));
}

void Question::end(Result<int> outcome) {
  if (std::exchange(is_over_, true)) return;
  timer_.clear();
  loop_.close(fd_);
  std::exchange(done_, nullptr)(std::move(outcome));
  owner_.ended(*this);
}

// ---- the client

class LoopStatusClient final : public StatusClient, public Questions {
 public:
  explicit LoopStatusClient(std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)) {
    thread_ = std::thread([this] { loop_->run(); });
  }

  ~LoopStatusClient() override {
    loop_->stop();
    thread_.join();
    while (!active_.empty()) {
      active_.begin()->second->end(Error(Code::cancelled, "the client ends"));
    }
  }

  void send(StatusCall call, Done done) override {
    loop_->post([this, call = std::move(call), done = std::move(done)]() mutable {
      auto question = std::make_unique<Question>(*loop_, *this, std::move(call), std::move(done));
      Question& begun = *question;
      active_.emplace(&begun, std::move(question));
      begun.begin();
    });
  }

  // A handler may still be told of what the kernel had said before.
  void ended(Question& question) override {
    auto place = active_.find(&question);
    HL_CHECK(place != active_.end());
    loop_->bury(std::move(place->second));
    active_.erase(place);
  }

 private:
  const std::unique_ptr<EventLoop> loop_;
  std::map<Question*, std::unique_ptr<Question>> active_;  // the loop's thread
  std::thread thread_;
};

}  // namespace

std::unique_ptr<StatusClient> StatusClient::make() {
  auto loop = EventLoop::make();
  HL_CHECK(loop);
  return std::make_unique<LoopStatusClient>(std::move(*loop));
}

}  // namespace hitless::net
