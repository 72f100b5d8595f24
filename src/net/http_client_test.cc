#include "net/http_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include "net/http_server.h"
#include "net/listen_socket.h"
#include "tests/support/raw_socket.h"

namespace hitless::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tests::RawSocket;

HttpCall call(const Address& to, std::string method = "GET", std::string target = "/") {
  HttpCall made;
  made.to = to;
  made.request.method = std::move(method);
  made.request.target = std::move(target);
  made.total_timeout = milliseconds(tests::k_patience_millis);
  return made;
}

// Calls a raw server on a socket of its own, which answers each connection with bytes.
class HttpClientTest : public testing::Test {
 protected:
  Address unix_address() { return {.host = {}, .port = 0, .path = directory_.path() / "s"}; }

  ListenSocket listen(const Address& address = {.host = "127.0.0.1", .port = 0, .path = {}}) {
    return ListenSocket::open(address, 0600).value();
  }
  // One exchange with a server that answers `bytes` and closes; `asked` gets what the client sent.
  Result<HttpResponse> answered(std::string bytes, HttpCall made, std::string* asked = nullptr) {
    ListenSocket socket = listen();
    made.to = socket.address();
    std::thread server([&] {
      RawSocket peer = RawSocket::accept(socket.fd());
      const std::string head = peer.read_until("\r\n\r\n");
      if (asked != nullptr) *asked = head + peer.read_bytes(made.request.body.size());
      peer.send(bytes);
    });
    Result<HttpResponse> result = client_->fetch(made);
    server.join();
    return result;
  }
  Result<HttpResponse> answered(std::string bytes) { return answered(std::move(bytes), call({})); }

  TemporaryDirectory directory_ = TemporaryDirectory::make("net").value();
  std::unique_ptr<HttpClient> client_ = HttpClient::make();
};

// ---- what is sent and received

TEST_F(HttpClientTest, SendsWhatTheCallSaysAndNothingElse) {
  HttpCall made = call({}, "POST", "/a/../b?x=%20#y");
  made.request.headers = {{"X-Auth-Token", "t"}, {"X-Empty", ""}, {"Host", "example"}};
  made.request.body = std::string("b\0dy", 4);
  std::string asked;
  ASSERT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", made, &asked));
  EXPECT_THAT(asked, StartsWith("POST /a/../b?x=%20#y HTTP/1.1\r\n"));
  EXPECT_THAT(asked, HasSubstr("Host: example\r\n"));
  EXPECT_THAT(asked, HasSubstr("X-Auth-Token: t\r\n"));
  EXPECT_THAT(asked, HasSubstr("X-Empty:\r\n"));
  EXPECT_THAT(asked, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_TRUE(asked.ends_with(std::string("\r\n\r\nb\0dy", 8)));
  for (const char* unwanted : {"Accept", "Content-Type", "Expect", "User-Agent"}) {
    EXPECT_THAT(asked, Not(HasSubstr(unwanted)));
  }
}

TEST_F(HttpClientTest, GivesStatusFieldsAndBody) {
  const auto answer = answered(
      "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
      "HTTP/1.1 404 Not Found\r\nX-Request-ID:  a b \r\nx-TWICE: 1\r\nX-Twice: 2\r\nEmpty:\r\n"
      "Content-Length: 4\r\n\r\ngone");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "gone");
  const std::vector<std::pair<std::string, std::string>> fields(answer->headers.begin(),
                                                                answer->headers.end());
  const std::vector<std::pair<std::string, std::string>> expected = {{"X-Request-ID", "a b"},
                                                                     {"x-TWICE", "1"},
                                                                     {"X-Twice", "2"},
                                                                     {"Empty", ""},
                                                                     {"Content-Length", "4"}};
  EXPECT_EQ(fields, expected);
}

TEST_F(HttpClientTest, ReadsChunkedAnswersAndThoseThatEndWithTheConnection) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n0\r\n\r\n")
                ->body,
            "abc");
  EXPECT_EQ(answered("HTTP/1.0 200 OK\r\n\r\nabc")->body, "abc");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", call({}, "HEAD"))->body, "");
}

TEST_F(HttpClientTest, FollowsNoRedirectsAndUsesNoProxy) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  const auto answer =
      answered("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  ::unsetenv("http_proxy");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
}

// ---- what goes wrong

TEST_F(HttpClientTest, ARefusedConnectionIsUnavailable) {
  ListenSocket socket = listen();
  const Address nobody = socket.address();
  socket.close();
  const auto refused = client_->fetch(call(nobody, "GET", "/v1/x?y=1"));
  EXPECT_EQ(refused.error().code(), Code::unavailable);
  EXPECT_THAT(
      refused.error().text(),
      StartsWith("calling " + to_text(nobody) + ": GET /v1/x: cannot connect: Connection refused"));
  EXPECT_EQ(client_->fetch(call(unix_address())).error().code(), Code::unavailable);
}

TEST_F(HttpClientTest, ACutAnswerIsUnavailable) {
  for (const char* bytes : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le",
                            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    const auto answer = answered(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().code(), Code::unavailable) << bytes << answer.error().text();
  }
}

TEST_F(HttpClientTest, WhatIsNoHttpIsCorrupt) {
  EXPECT_EQ(answered("220 mail.example ESMTP\r\n\r\n").error().code(), Code::corrupt);
}

TEST_F(HttpClientTest, ASilentServerIsATimeout) {
  ListenSocket socket = listen();
  HttpCall made = call(socket.address());
  made.total_timeout = milliseconds(30);
  EXPECT_EQ(client_->fetch(made).error().code(), Code::timeout);
}

TEST_F(HttpClientTest, TooLargeAnAnswerIsExhausted) {
  HttpCall made = call({});
  made.body_bytes_max = 3;
  const std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
  EXPECT_EQ(answered(answer + "0\r\n\r\n", made)->body, "abc");
  EXPECT_EQ(answered(answer + "1\r\nd\r\n0\r\n\r\n", made).error().code(), Code::exhausted);
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int line = 0; line < 300; ++line) head += "X: " + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(answered(head + "\r\n").error().code(), Code::exhausted);
}

TEST_F(HttpClientTest, RequestsThatWouldSmuggleAreInvalid) {
  const Address nobody{.host = "127.0.0.1", .port = 1, .path = {}};
  std::vector<HttpCall> calls = {call(nobody, "GET", "no-slash"), call(nobody, "GET", "/a b"),
                                 call(nobody, "GET /", "/"), call(nobody, "", "/"), call(nobody)};
  calls.back().request.headers = {{"A", "b\r\nC: d"}};
  for (const HttpCall& made : calls) {
    EXPECT_EQ(client_->fetch(made).error().code(), Code::invalid) << made.request.target;
  }
}

// ---- against the server

class HttpClientAndServerTest : public HttpClientTest {
 protected:
  HttpServer& start(HttpServer::Handler handler) {
    HttpServerOptions options;
    options.listen = {{.host = "127.0.0.1", .port = 0, .path = {}},
                      {.host = "::1", .port = 0, .path = {}},
                      unix_address()};
    server_ = HttpServer::start(options, std::move(handler)).value();
    return *server_;
  }
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpClientAndServerTest, ReusesAConnectionUnlessToldNotTo) {
  start([](const HttpRequest&, const HttpPeer& peer) {
    return HttpResponse{.status = 200, .headers = {}, .body = peer.address};
  });
  HttpCall made = call(server_->addresses()[0]);
  const std::string first = client_->fetch(made)->body;
  EXPECT_EQ(client_->fetch(made)->body, first);
  made.reuse_connection = false;
  const std::string own = client_->fetch(made)->body;
  EXPECT_NE(own, first);
  EXPECT_NE(client_->fetch(made)->body, own);
  made.reuse_connection = true;
  EXPECT_EQ(client_->fetch(made)->body, first);
}

TEST_F(HttpClientAndServerTest, CarriesLargeBodiesBothWays) {
  start([](const HttpRequest& request, const HttpPeer&) {
    return HttpResponse{.status = 200, .headers = {}, .body = request.body + request.body};
  });
  for (const Address& address : server_->addresses()) {
    HttpCall made = call(address, "PUT");
    made.request.body = std::string(9 * 1024 * 1024 + 1, 'b');
    const auto answer = client_->fetch(made);
    ASSERT_TRUE(answer) << to_text(address) << answer.error().text();
    EXPECT_TRUE(answer->body == made.request.body + made.request.body);
  }
}

TEST_F(HttpClientAndServerTest, ManyCallsRunAtOnceAndEachGetsItsOwnAnswer) {
  start([](const HttpRequest& request, const HttpPeer&) {
    return HttpResponse{.status = 200, .headers = {}, .body = request.target + request.body};
  });
  const std::vector<Address> addresses = server_->addresses();
  constexpr int k_threads = 4;
  constexpr int k_calls = 100;
  std::latch answered(k_threads * k_calls);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < k_threads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0; number < k_calls; ++number) {
        const std::string target = fmt::format("/{}/{}", thread, number);
        const Address& to = addresses[static_cast<std::size_t>(number) % 3];
        HttpCall made = call(to, "POST", target);
        made.request.body = "b";
        client_->send(std::move(made), [&, target](Result<HttpResponse> answer) {
          if (answer && answer->body == target + "b") ++right;
          answered.count_down();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  answered.wait();
  EXPECT_EQ(right, k_threads * k_calls);
}

TEST_F(HttpClientAndServerTest, ADoneMaySendTheNextCall) {
  start([](const HttpRequest& request, const HttpPeer&) {
    return HttpResponse{.status = 200, .headers = {}, .body = request.target};
  });
  std::promise<std::string> last;
  const Address to = server_->addresses()[2];
  client_->send(call(to, "GET", "/1"), [&](Result<HttpResponse> first) {
    HL_CHECK(first.has_value());
    client_->send(call(to, "GET", first->body + "/2"),
                  [&](Result<HttpResponse> second) { last.set_value(second->body); });
  });
  EXPECT_EQ(last.get_future().get(), "/1/2");
}

TEST_F(HttpClientAndServerTest, AKeptConnectionTheServerHasClosedIsReplaced) {
  const auto ok = [](const HttpRequest&, const HttpPeer&) { return HttpResponse(); };
  start(ok);
  EXPECT_TRUE(client_->fetch(call(unix_address())));
  server_.reset();
  start(ok);
  EXPECT_TRUE(client_->fetch(call(unix_address())));
}

TEST_F(HttpClientTest, CallsUnderWayAreCancelledExactlyOnceAtTheEnd) {
  ListenSocket socket = listen();
  std::atomic<int> cancelled = 0;
  std::atomic<int> others = 0;
  for (int number = 0; number < 20; ++number) {
    client_->send(call(socket.address()), [&](Result<HttpResponse> answer) {
      ++(!answer && answer.error().code() == Code::cancelled ? cancelled : others);
    });
  }
  RawSocket taken = RawSocket::accept(socket.fd());  // at least one is under way
  client_.reset();
  EXPECT_EQ(cancelled, 20);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace hitless::net
