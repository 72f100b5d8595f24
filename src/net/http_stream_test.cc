#include "net/http_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

#include "base/thread_annotations.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/support/raw_socket.h"

namespace hitless::net {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tests::RawSocket;

const std::string k_get = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + milliseconds(tests::k_patience_millis);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

// What a test says to one stream, and what it sees of it.  Any thread.
class Script {
 public:
  void say(HttpPiece piece) {
    HttpStream::Wake wake;
    {
      const MutexLock lock(mutex_);
      pieces_.push_back(std::move(piece));
      wake = wake_;
    }
    if (wake) wake();
  }
  void wake() {
    HttpStream::Wake wake;
    {
      const MutexLock lock(mutex_);
      wake = wake_;
    }
    if (wake) wake();
  }
  HttpPiece next() {
    ++asked;
    const MutexLock lock(mutex_);
    if (pieces_.empty()) return idle;
    HttpPiece piece = std::move(pieces_.front());
    pieces_.pop_front();
    piece.patience = pieces_.empty() ? idle.patience : Duration(0);
    return piece;
  }
  void open(HttpStream::Wake wake) {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }
  void close() {
    const MutexLock lock(mutex_);
    wake_ = nullptr;
    --alive;
  }

  HttpPiece idle{.patience = std::chrono::hours(1)};  // before the first stream
  std::atomic<int> asked = 0;
  std::atomic<int> alive = 0;

 private:
  Mutex mutex_;
  std::deque<HttpPiece> pieces_ HL_GUARDED_BY(mutex_);
  HttpStream::Wake wake_ HL_GUARDED_BY(mutex_);
};

class ScriptedStream final : public HttpStream {
 public:
  explicit ScriptedStream(Script& script) : script_(script) { ++script_.alive; }
  ~ScriptedStream() override { script_.close(); }
  void open(Wake wake) override { script_.open(std::move(wake)); }
  HttpPiece next() override { return script_.next(); }

 private:
  Script& script_;
};

class HttpStreamTest : public testing::Test {
 protected:
  HttpServer& start(HttpServerOptions options = {}) {
    options.listen = {{.host = "127.0.0.1", .port = 0, .path = {}},
                      {.host = {}, .port = 0, .path = directory_.path() / "s"}};
    auto started = HttpServer::start(options, [this](const HttpRequest& request, const HttpPeer&) {
      HttpResponse response;
      response.headers.add("Content-Type", "text/event-stream");
      if (request.target == "/plain") {
        response.body = "plain";
      } else {
        response.stream = std::make_shared<ScriptedStream>(script_);
      }
      return response;
    });
    HL_CHECK(started.has_value());
    server_ = std::move(started).value();
    return *server_;
  }
  RawSocket connect(std::size_t which = 0) {
    return RawSocket::connect(server_->addresses().at(which));
  }
  // More than any buffer takes, to a client that reads none of it.
  RawSocket flood(const HttpServerOptions& options) {
    script_.idle = {.bytes = std::string(1 << 20, 'x'), .patience = Duration(0)};
    start(options);
    RawSocket client = connect(1);
    client.send(k_get);
    EXPECT_TRUE(eventually([this] { return script_.asked > 0; }));
    return client;
  }
  bool all_gone() {
    return eventually([this] { return script_.alive == 0; });
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make("net").value();
  Script script_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpStreamTest, IsDeliveredPieceByPiece) {
  start();
  for (std::size_t which = 0; which < 2; ++which) {
    RawSocket client = connect(which);
    client.send(k_get);
    EXPECT_EQ(client.read_until("\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
              "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    script_.say({.bytes = "one"});
    EXPECT_EQ(client.read_until("one\r\n"), "3\r\none\r\n");
    script_.say({.bytes = "a second one!"});
    EXPECT_EQ(client.read_until("!\r\n"), "d\r\na second one!\r\n");
    script_.say({.bytes = "end", .last = true});
    EXPECT_EQ(client.read_to_end(), "3\r\nend\r\n0\r\n\r\n");
    EXPECT_TRUE(all_gone());
  }
}

TEST_F(HttpStreamTest, EndsWithTheConnectionForOldClients) {
  start();
  RawSocket client = connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  script_.say({.bytes = "one"});
  script_.say({.bytes = "two", .last = true});
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, EndsWith("\r\n\r\nonetwo"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
}

TEST_F(HttpStreamTest, IsReadByOrdinaryClients) {
  const HttpServer& server = start();
  script_.say({.bytes = "one "});
  script_.say({.bytes = ""});
  script_.say({.bytes = std::string(300'000, 'x')});
  script_.say({.last = true});
  const auto client = HttpClient::make();
  HttpCall call;
  call.to = server.addresses().front();
  call.request = {.method = "GET", .target = "/", .headers = {}, .body = {}};
  auto answer = std::async(std::launch::async, [&] { return client->fetch(call); });
  while (answer.wait_for(milliseconds(5)) != std::future_status::ready) script_.wake();
  const Result<HttpResponse> response = answer.get();
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body, "one " + std::string(300'000, 'x'));
}

TEST_F(HttpStreamTest, HasNoBodyForHead) {
  start();
  RawSocket client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), EndsWith("\r\n\r\n"));
  EXPECT_TRUE(all_gone());
  EXPECT_EQ(script_.asked, 0);
}

TEST_F(HttpStreamTest, IsAskedAgainWhenItsPatienceEnds) {
  script_.idle = {.bytes = ".", .patience = milliseconds(1)};
  start();
  RawSocket client = connect();
  client.send(k_get);
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_bytes(60), fmt::format("{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}", "1\r\n.\r\n"));
}

// A wake at any rate asks it no more often than it wants to be asked.
TEST_F(HttpStreamTest, IsLeftAloneWhileItPauses) {
  script_.idle = {.bytes = "x", .pause = std::chrono::hours(1)};
  start();
  RawSocket client = connect();
  client.send(k_get);
  client.read_until("x\r\n");
  for (int i = 0; i < 1000; ++i) script_.wake();
  RawSocket other = connect();  // the I/O thread has seen the wakes when it answers
  other.send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(other.read_answer(), EndsWith("plain"));
  EXPECT_EQ(script_.asked, 1);
}

TEST_F(HttpStreamTest, CostsOnePieceForAReaderWhoDoesNotRead) {
  HttpServerOptions options;
  options.read_timeout = milliseconds(200);
  const RawSocket client = flood(options);
  EXPECT_TRUE(all_gone()) << "it is cut off";
  // What it was asked for is with the kernel, but for one piece.
  EXPECT_LE(script_.asked, 8);
}

TEST_F(HttpStreamTest, EndsWhenItsClientHasGone) {
  start();
  for (std::size_t which = 0; which < 2; ++which) {
    RawSocket client = connect(which);
    client.send(k_get);
    client.read_until("\r\n\r\n");
    EXPECT_EQ(script_.alive, 1);
    client.close();
    EXPECT_TRUE(all_gone());
  }
  script_.say({.bytes = "to nobody"});
}

TEST_F(HttpStreamTest, BearsAStrayLineEndAndNoFlood) {
  start();
  RawSocket client = connect();
  client.send(k_get + "\r\n");
  script_.say({.bytes = "one"});
  EXPECT_THAT(client.read_until("one\r\n"), EndsWith("one\r\n"));
  client.send("\r\n");
  script_.say({.bytes = "two"});
  EXPECT_THAT(client.read_until("two\r\n"), EndsWith("two\r\n"));
  client.send(std::string(100'000, 'f'));
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpStreamTest, AreBoundedInNumber) {
  HttpServerOptions options;
  options.streams_max = 2;
  start(options);
  RawSocket first = connect();
  RawSocket second = connect(1);
  first.send(k_get);
  second.send(k_get);
  EXPECT_THAT(first.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  RawSocket third = connect();
  third.send(k_get + "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string refused = third.read_answer();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(third.read_answer(), EndsWith("plain")) << "other requests are answered";
  first.close();
  EXPECT_TRUE(eventually([&] {
    RawSocket again = connect();
    again.send(k_get);
    return again.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 ");
  }));
}

// A stream holds none of the threads that answer.
TEST_F(HttpStreamTest, ManyLeaveThreadsForOthers) {
  HttpServerOptions options;
  options.handler_threads = 1;
  start(options);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(connect());
    clients.back().send(k_get);
    clients.back().read_until("\r\n\r\n");
  }
  RawSocket other = connect();
  other.send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(other.read_answer(), EndsWith("plain"));
  clients.clear();
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpStreamTest, EndsAsItShouldWhenTheServerStops) {
  start();
  RawSocket client = connect();
  client.send(k_get);
  script_.say({.bytes = "one"});
  client.read_until("one\r\n");
  server_->stop();
  EXPECT_EQ(client.read_to_end(), "0\r\n\r\n");
  EXPECT_EQ(script_.alive, 0);
}

TEST_F(HttpStreamTest, IsCutWhenTheServerStopsAndNobodyReads) {
  HttpServerOptions options;
  options.stop_timeout = milliseconds(50);
  const RawSocket client = flood(options);
  server_->stop();
  EXPECT_TRUE(all_gone());
}

TEST_F(HttpStreamTest, IsCutWhenItFails) {
  script_.idle = {.bytes = std::string(k_stream_piece_bytes_max + 1, 'x')};
  start();
  RawSocket client = connect();
  client.send(k_get);
  EXPECT_THAT(client.read_to_end(), EndsWith("\r\n\r\n"));
  EXPECT_TRUE(all_gone());
}

}  // namespace
}  // namespace hitless::net
