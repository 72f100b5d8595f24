#include "net/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>
#include <latch>
#include <thread>

#include "net/listen_socket.h"
#include "tests/support/open_sockets.h"
#include "tests/support/raw_socket.h"

namespace hitless::net {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tests::RawSocket;

const Address k_any_v4{.host = "127.0.0.1", .port = 0, .path = {}};
const Address k_any_v6{.host = "::1", .port = 0, .path = {}};
const std::string k_get = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

HttpResponse echo(const HttpRequest& request, const HttpPeer& /*peer*/) {
  return {.status = 200,
          .headers = {{"X-Target", request.target}},
          .body = request.method + " " + request.body};
}

std::string post(std::string_view target, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", target,
                     body.size(), body);
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerOptions options() {
    HttpServerOptions made;
    made.listen = {k_any_v4};
    return made;
  }
  Address unix_address(const std::string& name = "s") {
    return {.host = {}, .port = 0, .path = directory_.path() / name};
  }
  HttpServer& start(HttpServerOptions options, HttpServer::Handler handler = echo) {
    Result<std::unique_ptr<HttpServer>> started = HttpServer::start(std::move(options), handler);
    HL_CHECK(started.has_value());
    server_ = std::move(started).value();
    return *server_;
  }
  RawSocket connect(std::size_t which = 0) {
    return RawSocket::connect(server_->addresses().at(which));
  }
  // The answer to one connection's bytes, until the server closes.
  std::string answer_to(std::string_view bytes) {
    RawSocket client = connect();
    client.send(bytes);
    return client.read_to_end();
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make("net").value();
  std::unique_ptr<HttpServer> server_;
};

// ---- requests and answers

TEST_F(HttpServerTest, WhatItWritesWaitsForNoAcknowledgement) {
  const HttpServer& server = start(options());
  RawSocket client = connect();
  client.send(k_get);
  EXPECT_THAT(client.read_answer(), HasSubstr("200"));
  int accepted = 0;
  for (const tests::OpenSocket& socket : tests::connected_tcp_sockets()) {
    if (socket.port != server.addresses().front().port) continue;
    ++accepted;
    EXPECT_TRUE(socket.no_delay);
  }
  EXPECT_EQ(accepted, 1);
}

TEST_F(HttpServerTest, AnswersOnEveryAddress) {
  HttpServerOptions made = options();
  made.listen = {k_any_v4, k_any_v6, unix_address()};
  start(made);
  for (std::size_t which = 0; which < 3; ++which) {
    RawSocket client = connect(which);
    client.send(post("/a?b=1", "hello"));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Target: /a?b=1\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nPOST hello"));
  }
}

TEST_F(HttpServerTest, KeepsAConnectionForManyRequests) {
  start(options());
  RawSocket client = connect();
  for (int request = 0; request < 50; ++request) {
    client.send(post("/", std::to_string(request)));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, EndsWith("POST " + std::to_string(request)));
    EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start(options());
  std::string burst;
  for (int request = 0; request < 200; ++request) burst += post("/" + std::to_string(request), "b");
  RawSocket client = connect();
  std::thread sender([&] { client.send(burst); });
  for (int request = 0; request < 200; ++request) {
    EXPECT_THAT(client.read_answer(), HasSubstr(fmt::format("X-Target: /{}\r\n", request)));
  }
  sender.join();
}

TEST_F(HttpServerTest, ReadsRequestsThatComeByteByByte) {
  start(options());
  RawSocket client = connect();
  for (const char byte : post("/slow", "abc") + k_get) client.send(std::string(1, byte));
  EXPECT_THAT(client.read_answer(), EndsWith("POST abc"));
  EXPECT_THAT(client.read_answer(), EndsWith("GET "));
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  start(options());
  RawSocket client = connect();
  client.send(
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("PUT abcdefg"));
}

TEST_F(HttpServerTest, AnswersHeadWithTheLengthAndNoBody) {
  start(options());
  RawSocket client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + k_get);
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("GET "));
}

TEST_F(HttpServerTest, SendsNoBodyWhereTheStatusHasNone) {
  start(options(), [](const HttpRequest&, const HttpPeer&) {
    return HttpResponse{.status = 204, .headers = {}, .body = "none"};
  });
  RawSocket client = connect();
  client.send(k_get + k_get);
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsks) {
  start(options());
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer_to("GET / HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpServerTest, TellsAClientThatWaitsToContinue) {
  start(options());
  RawSocket client = connect();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_THAT(client.read_answer(), EndsWith("POST ok"));
}

TEST_F(HttpServerTest, CarriesLargeBodiesBothWays) {
  start(options());
  std::string body(11 * 1024 * 1024, 'x');
  for (std::size_t at = 0; at < body.size(); at += 997) body[at] = static_cast<char>(at % 251);
  RawSocket client = connect();
  std::thread sender([&] { client.send(post("/", body) + k_get); });
  const std::string answer = client.read_answer();
  sender.join();
  EXPECT_TRUE(answer.ends_with("POST " + body));
  EXPECT_THAT(client.read_answer(), EndsWith("GET "));
}

TEST_F(HttpServerTest, NamesThePeer) {
  HttpServerOptions made = options();
  made.listen = {k_any_v4, unix_address()};
  start(made, [](const HttpRequest&, const HttpPeer& peer) {
    const std::string uid = peer.uid ? std::to_string(*peer.uid) : "none";
    return HttpResponse{.status = 200, .headers = {}, .body = uid + "|" + peer.address};
  });
  RawSocket tcp = connect(0);
  tcp.send(k_get);
  EXPECT_THAT(tcp.read_answer(), HasSubstr("\r\n\r\nnone|127.0.0.1:"));
  RawSocket local = connect(1);
  local.send(k_get);
  EXPECT_THAT(local.read_answer(), EndsWith(fmt::format("\r\n\r\n{}|", ::getuid())));
}

// ---- what it refuses

TEST_F(HttpServerTest, RefusesMalformedRequests) {
  start(options());
  for (const std::string& bytes : {
           std::string("nonsense\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost h\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: h\n\n\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("GET x HTTP/1.1\r\nHost: h\r\n\r\n"),
           std::string("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
           std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
           std::string(
               "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
           std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
       }) {
    const std::string answer = answer_to(bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bytes;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << bytes;
  }
}

TEST_F(HttpServerTest, RefusesWhatIsTooLarge) {
  HttpServerOptions made = options();
  made.head_bytes_max = 1024;
  made.body_bytes_max = 1000;
  start(made);
  const std::string padding(1024, 'p');
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: h\r\nX: " + padding + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to("GET /" + std::string(100'000, 'p')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to(post("/", std::string(1001, 'b'))), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                        std::string(1001, 'b')),
              StartsWith("HTTP/1.1 413 "));
  RawSocket client = connect();
  client.send(post("/", std::string(1000, 'b')));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ARefusalArrivesAlthoughTheClientGoesOnSending) {
  start(options());
  RawSocket client = connect();
  std::thread sender([&] {
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n");
    client.send(std::string(4'000'000, 'b'));
  });
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 413 "));
  sender.join();
}

TEST_F(HttpServerTest, RefusesEndlessChunkHeads) {
  start(options());
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                        std::string(300'000, 'e')),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, GivesUpOnSlowSenders) {
  HttpServerOptions made = options();
  made.read_timeout = milliseconds(50);
  start(made);
  EXPECT_THAT(answer_to("GET / HT"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(answer_to(k_get + "GET"), HasSubstr("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, ClosesIdleConnections) {
  HttpServerOptions made = options();
  made.idle_timeout = milliseconds(200);
  start(made);
  EXPECT_EQ(answer_to(""), "");
  EXPECT_THAT(answer_to(k_get), EndsWith("GET "));
}

TEST_F(HttpServerTest, GivesUpOnClientsThatDoNotRead) {
  HttpServerOptions made = options();
  made.read_timeout = milliseconds(50);
  made.listen = {unix_address()};
  start(made, [](const HttpRequest& request, const HttpPeer&) {
    const std::size_t size = request.target == "/large" ? 8 << 20 : 3;
    return HttpResponse{.status = 200, .headers = {}, .body = std::string(size, 'b')};
  });
  RawSocket client = connect();
  client.send(post("/large", ""));
  RawSocket other = connect();  // is served meanwhile
  other.send(k_get);
  EXPECT_THAT(other.read_answer(), EndsWith("bbb"));
  // Everything is read only after the server has let go: it is less than the answer.
  pollfd closed{.fd = client.fd(), .events = POLLRDHUP, .revents = 0};
  ASSERT_EQ(::poll(&closed, 1, tests::k_patience_millis), 1);
  EXPECT_LT(client.read_to_end().size(), 8u << 20);
}

TEST_F(HttpServerTest, AnswersForAHandlerThatThrows) {
  start(options(), [](const HttpRequest& request, const HttpPeer&) -> HttpResponse {
    if (request.target == "/int") throw 7;
    if (request.target == "/unfit")
      return {.status = 200, .headers = {{"A", "b\r\nC: d"}}, .body = {}};
    throw std::runtime_error("broken");
  });
  RawSocket client = connect();
  for (const char* target : {"/", "/int", "/unfit"}) {
    client.send(post(target, ""));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 ")) << target;
    EXPECT_THAT(answer, Not(HasSubstr("broken"))) << target;
  }
}

// ---- limits on how much at once

// Handlers that wait until they are let go.
struct Gate {
  std::latch entered;
  std::promise<void> open;
  std::shared_future<void> opened{open.get_future()};

  explicit Gate(std::ptrdiff_t handlers) : entered(handlers) {}
  HttpServer::Handler handler() {
    return [this](const HttpRequest& request, const HttpPeer&) {
      entered.count_down();
      opened.wait();
      return HttpResponse{.status = 200, .headers = {}, .body = request.target};
    };
  }
};

TEST_F(HttpServerTest, Answers503WhenTheQueueIsFull) {
  Gate gate(1);
  HttpServerOptions made = options();
  made.handler_threads = 1;
  made.queue_max = 1;
  start(made, [&](const HttpRequest& request, const HttpPeer& peer) {
    return request.target == "/block" ? gate.handler()(request, peer) : echo(request, peer);
  });
  RawSocket running = connect();
  running.send(post("/block", ""));
  gate.entered.wait();
  // Of two more one waits and one is refused, whichever comes first.
  RawSocket first = connect();
  RawSocket second = connect();
  first.send(k_get);
  second.send(k_get);
  std::array<pollfd, 2> both = {pollfd{.fd = first.fd(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = second.fd(), .events = POLLIN, .revents = 0}};
  ASSERT_EQ(::poll(both.data(), both.size(), tests::k_patience_millis), 1);
  RawSocket& refused = both[0].revents != 0 ? first : second;
  RawSocket& waiting = both[0].revents != 0 ? second : first;
  const std::string answer = refused.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  gate.open.set_value();
  EXPECT_THAT(waiting.read_answer(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(running.read_answer(), EndsWith("/block"));
  refused.send(k_get);  // the connection is still good
  EXPECT_THAT(refused.read_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, RefusesConnectionsAboveTheLimit) {
  HttpServerOptions made = options();
  made.connections_max = 2;
  start(made);
  RawSocket first = connect();
  RawSocket second = connect();
  first.send(k_get);
  second.send(k_get);
  first.read_answer();
  second.read_answer();
  EXPECT_THAT(connect().read_to_end(), StartsWith("HTTP/1.1 503 "));
  first.close();
  // The server sees the end of `first` at a time of its own.
  const auto give_up = std::chrono::steady_clock::now() + milliseconds(tests::k_patience_millis);
  std::string answer;
  while (!answer.starts_with("HTTP/1.1 200 ")) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    RawSocket third = connect();
    third.send(k_get);
    answer = third.read_answer();
  }
}

TEST_F(HttpServerTest, RunsHandlersAtOnce) {
  Gate gate(4);
  start(options(), gate.handler());
  std::vector<RawSocket> clients;
  for (int made = 0; made < 4; ++made) {
    clients.push_back(connect());
    clients.back().send(k_get);
  }
  gate.entered.wait();  // passes only when all four run
  gate.open.set_value();
  for (RawSocket& client : clients) EXPECT_THAT(client.read_answer(), EndsWith("/x"));
}

TEST_F(HttpServerTest, SurvivesALackOfDescriptors) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs descriptors for its own checks";
#endif
  start(options());
  RawSocket first = connect();
  first.send(k_get);
  first.read_answer();
  RawSocket waiting(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(server_->addresses()[0].port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(waiting.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  waiting.send(k_get);
  first.send(k_get);
  EXPECT_THAT(first.read_answer(), StartsWith("HTTP/1.1 200 "));  // those inside are served
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(waiting.read_answer(), StartsWith("HTTP/1.1 200 "));
}

// ---- the end

TEST_F(HttpServerTest, StopLetsRequestsInProgressFinish) {
  Gate gate(1);
  HttpServerOptions made = options();
  made.listen = {unix_address()};
  start(made, gate.handler());
  RawSocket busy = connect();
  RawSocket idle = connect();
  busy.send(k_get);
  gate.entered.wait();
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(idle.read_to_end(), "");  // closed: the stop has begun
  gate.open.set_value();
  const std::string answer = busy.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("/x"));
  stopper.join();
  EXPECT_FALSE(std::filesystem::exists(unix_address().path));
  server_->stop();  // again does no harm
}

TEST_F(HttpServerTest, StopLetsAHalfReceivedRequestFinish) {
  start(options());
  RawSocket busy = connect();
  RawSocket idle = connect();
  busy.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  busy.read_until("\r\n\r\n");  // its head has been read
  idle.send(k_get);
  idle.read_answer();
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(idle.read_to_end(), "");
  busy.send("last");
  const std::string answer = busy.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("POST last"));
  stopper.join();
}

TEST_F(HttpServerTest, StopReturnsAlthoughAHandlerDoesNot) {
  Gate gate(1);
  HttpServerOptions made = options();
  made.handler_threads = 1;
  made.stop_timeout = milliseconds(20);
  start(made, gate.handler());
  RawSocket running = connect();
  running.send(k_get);
  gate.entered.wait();
  RawSocket waiting = connect();
  waiting.send(k_get);
  server_->stop();
  EXPECT_EQ(running.read_to_end(), "");
  EXPECT_EQ(waiting.read_to_end(), "");
  gate.open.set_value();
  server_.reset();
}

TEST_F(HttpServerTest, CanBeStoppedAndStartedOnTheSameAddressUnderLoad) {
  HttpServerOptions made = options();
  made.listen = {unix_address()};
  for (int round = 0; round < 10; ++round) {
    start(made);
    std::vector<std::thread> clients;
    for (int client = 0; client < 4; ++client) {
      clients.emplace_back([socket = std::make_shared<RawSocket>(connect())] {
        while (socket->send(k_get) && socket->read_answer().ends_with("GET ")) {
        }
      });
    }
    RawSocket probe = connect();
    probe.send(k_get);
    EXPECT_THAT(probe.read_answer(), EndsWith("GET "));
    server_.reset();
    for (std::thread& client : clients) client.join();
  }
}

// ---- listening

TEST_F(HttpServerTest, RefusesAnAddressInUse) {
  HttpServerOptions made = options();
  made.listen = {k_any_v4, unix_address()};
  start(made);
  for (const Address& taken : server_->addresses()) {
    HttpServerOptions second = options();
    second.listen = {unix_address("other"), taken};
    const auto refused = HttpServer::start(second, echo);
    ASSERT_FALSE(refused) << to_text(taken);
    EXPECT_EQ(refused.error().code(), Code::conflict);
    EXPECT_EQ(refused.error().text(), "listening on " + to_text(taken) + ": already in use");
    EXPECT_FALSE(std::filesystem::exists(unix_address("other").path));
  }
  RawSocket client = connect(1);
  client.send(k_get);
  EXPECT_THAT(client.read_answer(), EndsWith("GET "));
}

TEST_F(HttpServerTest, ReplacesAStaleSocketFileAndSetsItsMode) {
  {  // a socket file whose owner died without removing it
    auto dead = ListenSocket::open(unix_address(), 0600);
    std::filesystem::create_hard_link(unix_address().path, unix_address("kept").path);
    dead->close();
    std::filesystem::rename(unix_address("kept").path, unix_address().path);
  }
  HttpServerOptions made = options();
  made.listen = {unix_address()};
  made.socket_mode = 0620;
  start(made);
  struct stat found {};
  ASSERT_EQ(::stat(unix_address().path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777u, 0620u);
  RawSocket client = connect();
  client.send(k_get);
  EXPECT_THAT(client.read_answer(), EndsWith("GET "));
}

TEST_F(HttpServerTest, LeavesFilesOfOthersAlone) {
  ASSERT_TRUE(write_file_atomically(unix_address().path, "mine"));
  HttpServerOptions made = options();
  made.listen = {unix_address()};
  EXPECT_EQ(HttpServer::start(made, echo).error().code(), Code::conflict);
  EXPECT_EQ(*read_file(unix_address().path, 100), "mine");

  made.listen = {unix_address("s2")};
  start(made);
  std::filesystem::remove(unix_address("s2").path);
  auto successor = ListenSocket::open(unix_address("s2"), 0600);
  ASSERT_TRUE(successor);
  server_->stop();
  EXPECT_TRUE(std::filesystem::exists(unix_address("s2").path));
}

}  // namespace
}  // namespace hitless::net
