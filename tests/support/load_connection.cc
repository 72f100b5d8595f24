#include "tests/support/load_connection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "tests/support/pretend_model.h"

namespace hitless::tests {
namespace {

constexpr std::size_t k_chunk_bytes = 700;
constexpr std::size_t k_read_bytes = 64 * 1024;

std::string chunked(std::string_view body) {
  std::string text;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, k_chunk_bytes);
    text += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    body.remove_prefix(chunk.size());
  }
  return text + "0\r\n\r\n";
}

}  // namespace

LoadConnection::LoadConnection(const LoadOptions& options, int epoll, bool fresh,
                               std::uint64_t seed)
    : options_(options), epoll_(epoll), fresh_(fresh), random_(seed) {}

bool LoadConnection::draw(double share) {
  return std::uniform_real_distribution<>(0, 1)(random_) < share;
}

// Evenly spread over the orders of magnitude.
std::size_t LoadConnection::draw_size() {
  const double most = std::log(static_cast<double>(options_.body_bytes_max));
  return static_cast<std::size_t>(std::exp(std::uniform_real_distribution<>(0, most)(random_)));
}

std::string LoadConnection::request_for(Question& question, bool is_get) {
  const bool sleeps = draw(options_.slow_share);
  const int sleep_ms = sleeps ? options_.slow_ms : 0;
  // No draw where none is wanted: what a seed gives stays as it was.
  const bool streams = options_.stream_share > 0 && draw(options_.stream_share);
  const bool is_bad = options_.bad_share > 0 && draw(options_.bad_share);
  question.slow = sleeps || streams || (!questions_.empty() && questions_.back().slow);
  std::string text = fmt::format(
      "{} /v1/infers/{}/predict?sleep_ms={}&pad={}{}{} HTTP/1.1\r\nHost: load.test\r\n"
      "X-Auth-Token: {}\r\n{}",
      is_get ? "GET" : "POST", options_.service, sleep_ms, question.pad,
      streams ? fmt::format("&stream_ms={}", options_.stream_ms) : "", is_bad ? "&status=422" : "",
      options_.token, fresh_ ? "Connection: close\r\n" : "");
  if (is_get) return text + "\r\n";
  if (draw(options_.chunked_share)) {
    return text + "Transfer-Encoding: chunked\r\n\r\n" + chunked(question.body);
  }
  return text + fmt::format("Content-Length: {}\r\n\r\n", question.body.size()) + question.body;
}

void LoadConnection::ask(SteadyTime now) {
  if (is_busy() || now < not_before_) return;
  const bool is_get = fresh_ && draw(0.5);
  const int count = !fresh_ && draw(options_.pipelined_share) ? 2 : 1;
  for (int i = 0; i < count; ++i) {
    Question question{.body = {}, .pad = draw_size(), .asked = now};
    if (!is_get) {
      question.body.resize(draw_size());
      for (char& byte : question.body) byte = static_cast<char>('0' + random_() % 64);
    }
    unsent_ += request_for(question, is_get);
    questions_.push_back(std::move(question));
  }
  ++asked_on_this_;
  // What a new connection became shows in its first event; writing before would eat the error.
  connect_error_ = 0;
  if (socket_) {
    write_on();
  } else {
    connect_error_ = connect();
  }
}

// Non-blocking; 0 or the error.
int LoadConnection::connect() {
  socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return errno;
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(options_.gateway.port);
  ::inet_pton(AF_INET, options_.gateway.host.c_str(), &name.sin_addr);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 &&
      errno != EINPROGRESS) {
    return errno;
  }
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.ptr = this;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_.get(), &wanted);
  return 0;
}

bool LoadConnection::write_on() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

bool LoadConnection::read_on() {
  char bytes[k_read_bytes];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got > 0) {
      reader_.append({bytes, static_cast<std::size_t>(got)});
      continue;
    }
    return got < 0 && (errno == EAGAIN || errno == ENOTCONN);
  }
}

void LoadConnection::take_answers(std::deque<Ended>& ended) {
  while (!questions_.empty()) {
    Answer answer;
    const AnswerReader::State state = reader_.next(answer);
    if (state == AnswerReader::State::incomplete) return;
    if (state == AnswerReader::State::malformed) {
      end_all(Ending::malformed, "the answer is no HTTP/1.1", ended);
      return;
    }
    const Question question = std::move(questions_.front());
    questions_.pop_front();
    Ended end{.status = answer.status,
              .revision = answer.revision,
              .slow = question.slow,
              .streamed = answer.is_chunked};
    end.latency = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - question.asked);
    if (const auto version = version_of_answer(answer.body, question.body, question.pad)) {
      end.version = *version;
    } else if (answer.status != 200) {
      end.detail = answer.body.substr(0, 200);
    } else {
      end.ending = Ending::wrong_body;
      end.detail = fmt::format("{} bytes sent, {} bytes came: {}", question.body.size(),
                               answer.body.size(), answer.body.substr(0, 100));
    }
    ended.push_back(std::move(end));
    not_before_ = std::chrono::steady_clock::now() + options_.pause;
    if (answer.is_last || fresh_) {
      // What was pipelined behind a last answer was not taken; it is asked again.
      questions_.clear();
      close();
    }
  }
}

void LoadConnection::on_event(std::deque<Ended>& ended) {
  if (!socket_) return;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == ECONNREFUSED) {
    end_all(Ending::refused, "connect: refused", ended);
    return;
  }
  write_on();  // when it fails the answer may still be there to read
  const bool goes_on = read_on();
  take_answers(ended);
  if (goes_on && error == 0) return;
  const std::string detail =
      fmt::format("{} with {} of its bytes unsent, {} requests before on this connection",
                  error == 0 ? "closed" : std::strerror(error), unsent_.size(), asked_on_this_ - 1);
  end_all(reader_.has_begun() ? Ending::truncated : Ending::reset, detail, ended);
}

void LoadConnection::on_time(SteadyTime now, std::deque<Ended>& ended) {
  if (questions_.empty()) return;
  if (connect_error_ != 0) {
    end_all(Ending::refused, std::strerror(connect_error_), ended);
  } else if (now - questions_.front().asked > options_.patience) {
    end_all(Ending::timed_out, reader_.has_begun() ? "in the answer" : "no answer", ended);
  }
}

// The connection is over, and so is everything asked on it.
void LoadConnection::end_all(Ending ending, const std::string& detail, std::deque<Ended>& ended) {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const Question& question : questions_) {
    ended.push_back(
        {.ending = ending,
         .latency = std::chrono::duration_cast<std::chrono::microseconds>(now - question.asked),
         .detail = detail,
         .slow = question.slow});
  }
  if (!questions_.empty()) not_before_ = now + options_.pause_after_failure;
  questions_.clear();
  close();
}

void LoadConnection::close() {
  socket_.reset();
  unsent_.clear();
  reader_.clear();
  asked_on_this_ = 0;
}

}  // namespace hitless::tests
