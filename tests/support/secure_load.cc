#include "tests/support/secure_load.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/answer_reader.h"
#include "tests/support/pretend_model.h"

namespace hitless::tests {
namespace {

constexpr std::size_t k_failures_max = 5;
// A connection that could not be made is not tried again by millions.
constexpr auto k_pause_after_failure = std::chrono::milliseconds(5);

// What is asked, and what must come back.
struct Question {
  std::string path;
  std::string body;
  std::size_t pad = 0;
};

class Questions {
 public:
  Questions(const SecureLoadOptions& options, std::uint64_t seed)
      : options_(options), random_(seed) {}

  Question next() {
    Question question{
        .path = {}, .body = std::string(1 + random_() % 2000, 'x'), .pad = random_() % 4000};
    for (char& byte : question.body) byte = static_cast<char>('0' + random_() % 64);
    const bool is_slow = std::uniform_real_distribution<>(0, 1)(random_) < options_.slow_share;
    question.path = fmt::format("/v1/infers/{}/predict?sleep_ms={}&pad={}", options_.service,
                                is_slow ? options_.slow_ms : 0, question.pad);
    return question;
  }

 private:
  const SecureLoadOptions& options_;
  std::mt19937_64 random_;
};

void note(SecureOutcome& outcome, std::string text) {
  if (outcome.first_failures.size() < k_failures_max) {
    outcome.first_failures.push_back(std::move(text));
  }
}

void judge(SecureOutcome& outcome, const Question& question, int status, const std::string& body) {
  ++outcome.requests;
  if (status == 200 && version_of_answer(body, question.body, question.pad)) {
    ++outcome.good;
    return;
  }
  ++outcome.wrong;
  note(outcome, fmt::format("status {}, {} bytes: {}", status, body.size(), body.substr(0, 100)));
}

bool expect_open(SecureOutcome& outcome, const TlsSocket& socket) {
  if (socket.is_open()) {
    ++outcome.connections;
    return true;
  }
  ++outcome.requests;
  ++outcome.refused;
  note(outcome, fmt::format("no connection: state {}", static_cast<int>(socket.state())));
  std::this_thread::sleep_for(k_pause_after_failure);
  return false;
}

// ---- HTTP/1.1

// Until the connection is over, or `fresh` and one request is.
void call_in_http1(const SecureLoadOptions& options, Questions& questions, bool fresh,
                   const std::function<bool(const SecureOutcome&)>& goes_on,
                   SecureOutcome& outcome) {
  TlsSocket socket(options.gateway, {options.certificate, "http/1.1"});
  if (!expect_open(outcome, socket)) return;
  AnswerReader reader;
  for (int asked = 0; goes_on(outcome); ++asked) {
    const Question question = questions.next();
    const std::string head = fmt::format(
        "POST {} HTTP/1.1\r\nHost: load.test\r\nX-Auth-Token: {}\r\n{}Content-Length: {}\r\n\r\n",
        question.path, options.token, fresh ? "Connection: close\r\n" : "", question.body.size());
    bool lives = socket.send(head + question.body);
    Answer answer;
    AnswerReader::State state = AnswerReader::State::incomplete;
    while (state == AnswerReader::State::incomplete) {
      std::string bytes;
      if (!socket.read(bytes)) break;
      reader.append(bytes);
      state = reader.next(answer);
    }
    if (state != AnswerReader::State::complete) {
      ++outcome.requests;
      ++outcome.reset;
      return note(outcome,
                  fmt::format("request {} of a connection: {}, state {}", asked,
                              lives ? "no answer" : "not taken", static_cast<int>(socket.state())));
    }
    judge(outcome, question, answer.status, answer.body);
    if (answer.is_last && !fresh) ++outcome.told_to_go;
    if (answer.is_last || fresh) return;
  }
}

// ---- HTTP/2

class Http2Call {
 public:
  Http2Call(const SecureLoadOptions& options, Questions& questions, SecureOutcome& outcome)
      : options_(options),
        questions_(questions),
        outcome_(outcome),
        socket_(options.gateway, {options.certificate, "h2"}) {
    nghttp2_session_callbacks* to = nullptr;
    HL_CHECK(nghttp2_session_callbacks_new(&to) == 0);
    nghttp2_session_callbacks_set_on_header_callback(to, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, on_closed);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, on_frame);
    HL_CHECK(nghttp2_session_client_new(&session_, to, this) == 0);
    nghttp2_session_callbacks_del(to);
  }
  ~Http2Call() { nghttp2_session_del(session_); }
  Http2Call(const Http2Call&) = delete;
  Http2Call& operator=(const Http2Call&) = delete;

  // Until the connection is over.
  void run(const std::function<bool(const SecureOutcome&)>& goes_on) {
    if (!expect_open(outcome_, socket_)) return;
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    for (;;) {
      const bool asks = !told_to_go_ && goes_on(outcome_);
      while (asks && open_.size() < static_cast<std::size_t>(options_.streams)) ask();
      if (!write()) break;
      if (open_.empty()) return;
      std::string bytes;
      if (!socket_.read(bytes)) break;
      const auto used = nghttp2_session_mem_recv(
          session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      if (used < 0) break;
    }
    lose_all();
  }

 private:
  struct Asked {
    Question question;
    std::size_t sent = 0;
    int status = 0;
    std::string body;
  };
  static Http2Call& of(void* user) { return *static_cast<Http2Call*>(user); }

  void ask() {
    auto asked = std::make_unique<Asked>();
    asked->question = questions_.next();
    const std::string authority = "load.test";
    const auto field = [](std::string_view name, std::string_view value) {
      const auto bytes = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
      };
      return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const nghttp2_nv fields[] = {
        field(":method", "POST"), field(":scheme", "https"), field(":authority", authority),
        field(":path", asked->question.path), field("x-auth-token", options_.token)};
    nghttp2_data_provider provider{};
    provider.source.ptr = asked.get();
    provider.read_callback = supply;
    const std::int32_t id =
        nghttp2_submit_request(session_, nullptr, fields, std::size(fields), &provider, nullptr);
    HL_CHECK(id > 0);
    open_.emplace(id, std::move(asked));
  }

  static ssize_t supply(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                        std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Asked& asked = *static_cast<Asked*>(source->ptr);
    const std::string_view left = std::string_view(asked.question.body).substr(asked.sent);
    const std::size_t count = std::min(size, left.size());
    std::copy_n(left.data(), count, reinterpret_cast<char*>(into));
    asked.sent += count;
    if (count == left.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  bool write() {
    std::string bytes;
    for (;;) {
      const std::uint8_t* piece = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &piece);
      if (size < 0) return false;
      if (size == 0) return bytes.empty() || socket_.send(bytes);
      bytes.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
    }
  }

  Asked* find(std::int32_t id) {
    const auto found = open_.find(id);
    return found == open_.end() ? nullptr : found->second.get();
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    Asked* const asked = of(user).find(frame->hd.stream_id);
    const std::string_view text(reinterpret_cast<const char*>(name), name_size);
    if (asked != nullptr && text == ":status") {
      asked->status = std::stoi(std::string(reinterpret_cast<const char*>(value), value_size));
    }
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                     std::size_t size, void* user) {
    if (Asked* const asked = of(user).find(id)) {
      asked->body.append(reinterpret_cast<const char*>(bytes), size);
    }
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
    Http2Call& self = of(user);
    if (!std::exchange(self.told_to_go_, true)) ++self.outcome_.told_to_go;
    return 0;
  }

  static int on_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Http2Call& self = of(user);
    const auto found = self.open_.find(id);
    if (found == self.open_.end()) return 0;
    const std::unique_ptr<Asked> asked = std::move(found->second);
    self.open_.erase(found);
    if (code == NGHTTP2_NO_ERROR) {
      const std::uint64_t before = self.outcome_.good;
      judge(self.outcome_, asked->question, asked->status, asked->body);
      self.outcome_.http2 += self.outcome_.good - before;
    } else {
      ++self.outcome_.requests;
      ++self.outcome_.reset;
      self.outcome_.not_taken += code == NGHTTP2_REFUSED_STREAM ? 1 : 0;
      note(self.outcome_, fmt::format("stream {} ended with code {}", id, code));
    }
    return 0;
  }

  void lose_all() {
    for (const auto& [id, asked] : open_) {
      ++outcome_.requests;
      ++outcome_.reset;
      note(outcome_, fmt::format("stream {} lost its connection: state {}{}", id,
                                 static_cast<int>(socket_.state()),
                                 told_to_go_ ? ", which was told to go" : ""));
    }
    open_.clear();
  }

  const SecureLoadOptions& options_;
  Questions& questions_;
  SecureOutcome& outcome_;
  TlsSocket socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::unique_ptr<Asked>> open_;
  bool told_to_go_ = false;
};

}  // namespace

SecureOutcome& SecureOutcome::operator+=(const SecureOutcome& other) {
  requests += other.requests;
  good += other.good;
  http2 += other.http2;
  connections += other.connections;
  told_to_go += other.told_to_go;
  refused += other.refused;
  reset += other.reset;
  not_taken += other.not_taken;
  wrong += other.wrong;
  for (const std::string& each : other.first_failures) note(*this, each);
  return *this;
}

std::string describe(const SecureOutcome& outcome) {
  return fmt::format(
      "{} requests over TLS, {} good ({} in HTTP/2), {} refused, {} reset ({} of them not taken), "
      "{} wrong; {} connections, {} told to go\n{}\n",
      outcome.requests, outcome.good, outcome.http2, outcome.refused, outcome.reset,
      outcome.not_taken, outcome.wrong, outcome.connections, outcome.told_to_go,
      fmt::join(outcome.first_failures, "\n"));
}

SecureLoad::SecureLoad(SecureLoadOptions options) : options_(std::move(options)) {
  enum class Kind { kept, fresh, http2 };
  const auto begin = [this](Kind kind, std::uint64_t seed) {
    threads_.emplace_back([this, kind, seed] {
      SecureOutcome outcome;
      Questions questions(options_, seed);
      std::uint64_t told = 0;
      const auto goes_on = [&](const SecureOutcome& so_far) {
        good_ += so_far.good - std::exchange(told, so_far.good);
        return !stopping_;
      };
      while (goes_on(outcome)) {
        if (kind == Kind::http2) {
          Http2Call(options_, questions, outcome).run(goes_on);
        } else {
          call_in_http1(options_, questions, kind == Kind::fresh, goes_on, outcome);
        }
      }
      keep(outcome);
    });
  };
  std::uint64_t seed = options_.seed;
  for (int i = 0; i < options_.kept_clients; ++i) begin(Kind::kept, ++seed);
  for (int i = 0; i < options_.fresh_clients; ++i) begin(Kind::fresh, ++seed);
  for (int i = 0; i < options_.http2_clients; ++i) begin(Kind::http2, ++seed);
}

SecureLoad::~SecureLoad() {
  stop();
}

void SecureLoad::keep(const SecureOutcome& outcome) {
  const MutexLock lock(mutex_);
  outcome_ += outcome;
}

bool SecureLoad::wait_for_more(std::uint64_t good, std::chrono::seconds within) {
  const std::uint64_t wanted = good_ + good;
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (good_ < wanted) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

SecureOutcome SecureLoad::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const MutexLock lock(mutex_);
  return outcome_;
}

}  // namespace hitless::tests
