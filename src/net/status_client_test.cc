#include "net/status_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "net/http_server.h"
#include "net/listen_socket.h"
#include "tests/support/raw_socket.h"

namespace hitless::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;
using tests::RawSocket;

StatusCall call(const Address& to, std::string target = "/") {
  return {.to = to,
          .target = std::move(target),
          .timeout = milliseconds(tests::k_patience_millis),
          .body_bytes_max = 8};
}

// Each of its claims is made over TCP and over a Unix socket.
class StatusClientTest : public testing::TestWithParam<bool> {
 protected:
  ListenSocket listen() {
    const Address tcp{.host = "127.0.0.1", .port = 0, .path = {}};
    const Address local{.host = {}, .port = 0, .path = directory_.path() / "s"};
    return ListenSocket::open(GetParam() ? local : tcp, 0600).value();
  }

  Result<int> ask(StatusCall made) {
    std::promise<Result<int>> told;
    client_->send(std::move(made), [&](Result<int> status) { told.set_value(std::move(status)); });
    return told.get_future().get();
  }

  // One question to a server that sends these pieces and closes.
  Result<int> answered(const std::vector<std::string>& pieces, std::string* asked = nullptr) {
    ListenSocket socket = listen();
    std::thread server([&] {
      RawSocket peer = RawSocket::accept(socket.fd());
      const std::string head = peer.read_until("\r\n\r\n");
      if (asked != nullptr) *asked = head;
      for (const std::string& piece : pieces) peer.send(piece);
    });
    Result<int> status = ask(call(socket.address(), "/ok?x=1"));
    server.join();
    return status;
  }
  Code fault(const std::string& bytes) {
    const Result<int> status = answered({bytes});
    return status ? Code::internal : status.error().code();
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make("net").value();
  std::unique_ptr<StatusClient> client_ = StatusClient::make();
};

INSTANTIATE_TEST_SUITE_P(TcpAndUnix, StatusClientTest, testing::Bool());

TEST_P(StatusClientTest, AsksOnceAndClosesTheConnection) {
  std::string asked;
  const auto status = answered({"HTTP/1.1 204 Fine\r\n\r\n"}, &asked);
  EXPECT_EQ(status.value(), 204);
  EXPECT_THAT(asked, StartsWith("GET /ok?x=1 HTTP/1.1\r\nHost: "));
  EXPECT_THAT(asked, HasSubstr("\r\nConnection: close\r\n"));
}

TEST_P(StatusClientTest, ReadsTheWholeAnswerHoweverItComes) {
  const std::string head = "HTTP/1.1 503 No\r\n";
  EXPECT_EQ(answered({head + "Content-Length: 2\r\n\r\nok"}).value(), 503);
  EXPECT_EQ(answered({head + "Content-", "Length: 2\r\n\r\no", "k"}).value(), 503);
  EXPECT_EQ(answered({head + "\r\n", "ends with it"}).error().code(), Code::exhausted);
  EXPECT_EQ(answered({head + "\r\n", "with it"}).value(), 503);
  EXPECT_EQ(answered({head + "Transfer-Encoding: chunked\r\n\r\n2\r", "\nok\r\n0\r\n\r\n"}).value(),
            503);
  EXPECT_EQ(answered({"HTTP/1.1 102 Wait\r\n\r\n", head + "Content-Length: 0\r\n\r\n"}).value(),
            503);
}

TEST_P(StatusClientTest, ACutAnswerIsUnavailable) {
  EXPECT_EQ(fault(""), Code::unavailable);
  EXPECT_EQ(fault("HTTP/1.1 20"), Code::unavailable);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"), Code::unavailable);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            Code::unavailable);
  EXPECT_EQ(fault("HTTP/1.1 102 Wait\r\n\r\n"), Code::unavailable);
}

TEST_P(StatusClientTest, WhatIsNoHttpIsCorruptAndTooMuchIsExhausted) {
  EXPECT_EQ(fault("220 mail.example ESMTP\r\n\r\n"), Code::corrupt);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nX: " + std::string(64 * 1024, 'x')), Code::corrupt);
  EXPECT_EQ(fault("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"), Code::exhausted);
}

TEST_P(StatusClientTest, ARefusedConnectionIsUnavailableAndSaysWhere) {
  ListenSocket socket = listen();
  const Address nobody = socket.address();
  socket.close();
  const auto refused = ask(call(nobody, "/ok"));
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_THAT(refused.error().text(),
              StartsWith("calling " + to_text(nobody) + ": GET /ok: cannot connect: "));
}

TEST_P(StatusClientTest, ASilentServerIsATimeout) {
  ListenSocket socket = listen();
  StatusCall made = call(socket.address());
  made.timeout = milliseconds(30);
  EXPECT_EQ(ask(made).error().code(), Code::timeout);
}

// A child process that holds every descriptor of ours open, as one does on its way to its program.
class Child {
 public:
  Child() {
    int ends[2];
    HL_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    HL_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::close(ends[1]);
      char byte = 0;
      ::_exit(::read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    ::close(ends[0]);
    life_.reset(ends[1]);
  }
  ~Child() {
    life_.reset();
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  pid_t pid_ = 0;
  UniqueFd life_;
};

TEST_P(StatusClientTest, IsNotToldOfAConnectionThatAChildHoldsOpen) {
  ListenSocket socket = listen();
  std::promise<Result<int>> told;
  client_->send(call(socket.address()),
                [&](Result<int> status) { told.set_value(std::move(status)); });
  RawSocket peer = RawSocket::accept(socket.fd());
  peer.read_until("\r\n\r\n");
  const Child child;
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(told.get_future().get().value(), 200);
  peer.send("more");
  peer.close();
  std::thread server([&] {
    RawSocket next = RawSocket::accept(socket.fd());
    next.read_until("\r\n\r\n");
    next.send("HTTP/1.1 204 Fine\r\n\r\n");
  });
  EXPECT_EQ(ask(call(socket.address())).value(), 204);
  server.join();
}

TEST_P(StatusClientTest, ATargetThatWouldSmuggleIsInvalid) {
  ListenSocket socket = listen();
  for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "http://else/"}) {
    EXPECT_EQ(ask(call(socket.address(), target)).error().code(), Code::invalid) << target;
  }
}

// More at once than a server's backlog holds: a Unix socket refuses those with EAGAIN.
TEST_P(StatusClientTest, ManyQuestionsAtOnceAreAllAnswered) {
  constexpr int k_questions = 500;
  ListenSocket socket = listen();
  std::thread server([&] {
    for (int peer = 0; peer < k_questions; ++peer) {
      RawSocket one = RawSocket::accept(socket.fd());
      one.read_until("\r\n\r\n");
      one.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  std::atomic<int> right = 0;
  std::atomic<int> told = 0;
  std::promise<void> all;
  for (int question = 0; question < k_questions; ++question) {
    client_->send(call(socket.address()), [&](const Result<int>& status) {
      if (status && *status == 200) ++right;
      if (++told == k_questions) all.set_value();
    });
  }
  server.join();
  all.get_future().wait();
  EXPECT_EQ(right, k_questions);
}

TEST_P(StatusClientTest, CallsUnderWayAreCancelledExactlyOnceAtTheEnd) {
  ListenSocket socket = listen();
  std::atomic<int> cancelled = 0;
  std::atomic<int> others = 0;
  for (int question = 0; question < 20; ++question) {
    client_->send(call(socket.address()), [&](const Result<int>& status) {
      ++(!status && status.error().code() == Code::cancelled ? cancelled : others);
    });
  }
  RawSocket taken = RawSocket::accept(socket.fd());  // at least one is under way
  client_.reset();
  EXPECT_EQ(cancelled, 20);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace hitless::net
