// The load client itself: what goes wrong on the wire lands in the right counter.  A client that
// could not fail would prove nothing.
#include "tests/support/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "net/http_server.h"
#include "tests/support/answer_reader.h"
#include "tests/support/pretend_model.h"
#include "tests/support/raw_socket.h"

namespace hitless::tests {
namespace {

// Listens on a port of its own and answers every connection's first bytes with a fixed text.
class Liar {
 public:
  explicit Liar(std::string text, bool resets = false) : text_(std::move(text)), resets_(resets) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    HL_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
    HL_CHECK(::listen(listener_.get(), 64) == 0);
    HL_CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
    port_ = ntohs(name.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Liar() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  Address address() const { return {.host = "127.0.0.1", .port = port_, .path = {}}; }

 private:
  void run() {
    for (;;) {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      char bytes[64 * 1024];
      if (::recv(client.get(), bytes, sizeof bytes, 0) <= 0) continue;
      (void)::send(client.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      if (resets_) ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
  }

  const std::string text_;
  const bool resets_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

LoadOptions towards(const Address& address) {
  LoadOptions options{.gateway = address, .service = "s", .token = "t"};
  options.threads = 1;
  options.kept_connections = 2;
  options.fresh_connections = 0;
  options.pipelined_share = 0;
  options.body_bytes_max = 64;  // one segment, so that the liar reads it whole
  return options;
}

Outcome outcome_of(const LoadOptions& options) {
  Load load(options);
  EXPECT_TRUE(load.wait_for(20));
  return load.stop();
}

// All of them ended this way.
void expect_all(const Outcome& outcome, Ending ending) {
  EXPECT_EQ(outcome.count(ending), outcome.requests) << describe(outcome);
  EXPECT_EQ(outcome.failed(), outcome.requests) << describe(outcome);
  EXPECT_FALSE(outcome.first_failures.empty());
}

TEST(Load, CountsRefusedConnections) {
  Address nobody;
  {
    const Liar gone("");
    nobody = gone.address();
  }
  expect_all(outcome_of(towards(nobody)), Ending::refused);
}

TEST(Load, CountsConnectionsClosedWithoutAnAnswer) {
  const Liar liar("");
  expect_all(outcome_of(towards(liar.address())), Ending::reset);
}

TEST(Load, CountsResets) {
  const Liar liar("", true);
  expect_all(outcome_of(towards(liar.address())), Ending::reset);
}

TEST(Load, CountsAnswersThatBreakOff) {
  const Liar liar("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234");
  expect_all(outcome_of(towards(liar.address())), Ending::truncated);
}

TEST(Load, CountsChunkedAnswersThatBreakOff) {
  const Liar liar("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n");
  expect_all(outcome_of(towards(liar.address())), Ending::truncated);
}

TEST(Load, CountsAnswersToAnotherQuestion) {
  const std::string body = pretend_answer("v1", "another question", 3);
  const Liar liar(fmt::format(
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  expect_all(outcome_of(towards(liar.address())), Ending::wrong_body);
}

TEST(Load, CountsWhatIsNoHttp) {
  const Liar liar("SSH-2.0-OpenSSH\r\n\r\n");
  expect_all(outcome_of(towards(liar.address())), Ending::malformed);
}

TEST(Load, CountsOtherStatusesAsFailuresThatWereAnswered) {
  const Liar liar("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  const Outcome outcome = outcome_of(towards(liar.address()));
  EXPECT_EQ(outcome.by_status.at(503), outcome.requests);
  EXPECT_EQ(outcome.failed(), outcome.requests);
}

TEST(Load, CountsAnswersThatNeverCome) {
  // The backlog takes the connection; nobody reads.
  const UniqueFd deaf(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(::bind(deaf.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(deaf.get(), 64), 0);
  ASSERT_EQ(::getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  LoadOptions options = towards({.host = "127.0.0.1", .port = ntohs(name.sin_port), .path = {}});
  options.patience = std::chrono::milliseconds(20);
  expect_all(outcome_of(options), Ending::timed_out);
}

TEST(Load, CountsGoodAnswersOfEveryForm) {
  const auto server = net::HttpServer::start(
      {.listen = {Address{.host = "127.0.0.1", .port = 0, .path = {}}}},
      [](const net::HttpRequest& request, const net::HttpPeer&) {
        const std::string target(request.target);
        net::HttpResponse response;
        response.headers.add("X-Hitless-Revision", "7");
        const std::size_t pad = std::stoul(target.substr(target.find("pad=") + 4));
        response.body = pretend_answer("v1", request.body, pad);
        return response;
      });
  ASSERT_TRUE(server.has_value());
  LoadOptions options{.gateway = (*server)->addresses().front(), .service = "s", .token = "t"};
  options.pipelined_share = 0.5;
  options.chunked_share = 0.5;
  Load load(options);
  EXPECT_TRUE(load.wait_for(500));
  const Outcome outcome = load.stop();
  EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
  EXPECT_EQ(outcome.good_of("v1"), outcome.requests);
  EXPECT_EQ((outcome.by_revision.at({"7", "v1"})), outcome.requests);
  EXPECT_LE(outcome.latency_us.size(), outcome.requests);
}

// A whole answer of another status, from a revision that is named, is the model's own; nobody on
// the way can have made it.
TEST(Load, CountsWrongAnswersOfAModelApart) {
  for (const bool names_revision : {true, false}) {
    const auto server = net::HttpServer::start(
        {.listen = {Address{.host = "127.0.0.1", .port = 0, .path = {}}}},
        [names_revision](const net::HttpRequest& request, const net::HttpPeer&) {
          net::HttpResponse response;
          response.status = 500;
          if (names_revision) response.headers.add("X-Hitless-Revision", "7");
          const std::string target(request.target);
          const std::size_t pad = std::stoul(target.substr(target.find("pad=") + 4));
          response.body = pretend_answer("v1", request.body, pad);
          return response;
        });
    ASSERT_TRUE(server.has_value());
    const Outcome outcome = outcome_of(towards((*server)->addresses().front()));
    const std::uint64_t wrong = names_revision ? outcome.requests : 0;
    EXPECT_EQ(outcome.good, 0U);
    EXPECT_EQ(outcome.wrong, wrong) << describe(outcome);
    EXPECT_EQ(outcome.wrong_of("v1"), wrong);
    EXPECT_EQ(outcome.failed(), outcome.requests - wrong);
  }
}

TEST(Load, CountsAnErrorThatNamesARevisionButIsNoAnswerAsFailed) {
  const Liar liar(
      "HTTP/1.1 500 No\r\nX-Hitless-Revision: 7\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
      "oops");
  const Outcome outcome = outcome_of(towards(liar.address()));
  EXPECT_EQ(outcome.wrong, 0U);
  EXPECT_EQ(outcome.failed(), outcome.requests);
}

// What the load itself asks to be slow says nothing about who answers.
TEST(Load, KeepsTheLatencyOfWhatIsAnsweredAtOnce) {
  const auto server = net::HttpServer::start(
      {.listen = {Address{.host = "127.0.0.1", .port = 0, .path = {}}}},
      [](const net::HttpRequest& request, const net::HttpPeer&) {
        net::HttpResponse response;
        const std::string target(request.target);
        const std::size_t pad = std::stoul(target.substr(target.find("pad=") + 4));
        response.body = pretend_answer("v1", request.body, pad);
        return response;
      });
  ASSERT_TRUE(server.has_value());
  LoadOptions options{.gateway = (*server)->addresses().front(), .service = "s", .token = "t"};
  options.pipelined_share = 0.5;
  options.fresh_connections = 0;
  for (const double share : {0.0, 1.0}) {
    options.slow_share = share;
    Load load(options);
    EXPECT_TRUE(load.wait_for(100));
    const Outcome outcome = load.stop();
    EXPECT_EQ(outcome.failed(), 0U) << describe(outcome);
    EXPECT_EQ(outcome.latency_us.size(), share == 0.0 ? outcome.requests : 0U);
  }
}

TEST(AnswerReader, ReadsAnswersOneByOneHoweverTheyArrive) {
  const std::string stream =
      "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nX-Hitless-Revision: 4\r\n\r\nabc"
      "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
  AnswerReader reader;
  std::vector<Answer> answers;
  for (const char byte : stream) {
    reader.append({&byte, 1});
    Answer answer;
    const auto state = reader.next(answer);
    ASSERT_NE(state, AnswerReader::State::malformed);
    if (state == AnswerReader::State::complete) answers.push_back(answer);
  }
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].status, 200);
  EXPECT_EQ(answers[0].revision, "4");
  EXPECT_EQ(answers[0].body, "abc");
  EXPECT_FALSE(answers[0].is_last);
  EXPECT_EQ(answers[1].status, 404);
  EXPECT_EQ(answers[1].body, "def");
  EXPECT_TRUE(answers[1].is_last);
  EXPECT_FALSE(reader.has_begun());
}

}  // namespace
}  // namespace hitless::tests
