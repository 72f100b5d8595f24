#include "net/event_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "net/http_server.h"
#include "net/http_stream.h"
#include "net/listen_socket.h"
#include "tests/support/raw_socket.h"

namespace hitless::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using tests::RawSocket;

const std::string k_head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";
constexpr Duration k_patience = milliseconds(tests::k_patience_millis);

// Counts to `last`, an event a piece.
class Counting final : public HttpStream {
 public:
  explicit Counting(int last) : last_(last) {}
  void open(Wake) override {}
  HttpPiece next() override {
    ++count_;
    return {.bytes = to_stream_text(
                {.type = "count", .data = std::to_string(count_), .id = std::to_string(count_)}),
            .last = count_ == last_,
            .patience = Duration(0)};
  }

 private:
  const int last_;
  int count_ = 0;
};

// A server of bytes: each connection gets them and is closed.
class EventClientTest : public testing::Test {
 protected:
  Address unix_address() { return {.host = {}, .port = 0, .path = directory_.path() / "s"}; }
  ListenSocket listen(const Address& address = {.host = "127.0.0.1", .port = 0, .path = {}}) {
    return ListenSocket::open(address, 0600).value();
  }
  struct Answered {
    Result<std::vector<Event>> events = std::vector<Event>();
    bool ended = false;
    std::string asked;
  };
  Answered answered(const std::string& bytes, HttpHeaders headers = {}) {
    Answered out;
    ListenSocket socket = listen();
    std::thread server([&] {
      RawSocket peer = RawSocket::accept(socket.fd());
      out.asked = peer.read_until("\r\n\r\n");
      peer.send(bytes);
    });
    out.events = read_all({.to = socket.address(), .target = "/e", .headers = headers}, out.ended);
    server.join();
    return out;
  }
  static Result<std::vector<Event>> read_all(EventCall call, bool& ended) {
    HL_TRY_ASSIGN(const auto client, EventClient::open(std::move(call)));
    std::vector<Event> events;
    for (;;) {
      HL_TRY_ASSIGN(auto event, client->next(k_patience));
      if (event) {
        events.push_back(std::move(*event));
        continue;
      }
      ended = client->ended();
      return events;
    }
  }

  TemporaryDirectory directory_ = TemporaryDirectory::make("net").value();
};

TEST_F(EventClientTest, ReadsWhatAServerStreams) {
  HttpServerOptions options;
  options.listen = {{.host = "127.0.0.1", .port = 0, .path = {}}, unix_address()};
  const auto server = HttpServer::start(options, [](const HttpRequest&, const HttpPeer&) {
    HttpResponse response;
    response.headers.add("Content-Type", "text/event-stream");
    response.stream = std::make_shared<Counting>(300);
    return response;
  });
  ASSERT_TRUE(server);
  for (const Address& address : (*server)->addresses()) {
    bool ended = false;
    const auto events = read_all({.to = address, .target = "/"}, ended);
    ASSERT_TRUE(events) << events.error().text();
    EXPECT_EQ(events->size(), 300U);
    EXPECT_EQ(events->back(), (Event{.type = "count", .data = "300", .id = "300"}));
    EXPECT_TRUE(ended);
  }
}

TEST_F(EventClientTest, SendsItsFieldsAndTheNewestId) {
  const Answered got =
      answered(k_head + "\r\nid: 8\ndata: 1\n\n", {{"Last-Event-ID", "7"}, {"X-Auth-Token", "t"}});
  EXPECT_THAT(got.asked, HasSubstr("GET /e HTTP/1.1\r\n"));
  EXPECT_THAT(got.asked, HasSubstr("Accept: text/event-stream\r\n"));
  EXPECT_THAT(got.asked, HasSubstr("Last-Event-ID: 7\r\n"));
  EXPECT_THAT(got.asked, HasSubstr("X-Auth-Token: t\r\n"));
  ASSERT_TRUE(got.events) << got.events.error().text();
  EXPECT_EQ(*got.events, (std::vector<Event>{{.type = "message", .data = "1", .id = "8"}}));
  EXPECT_TRUE(got.ended) << "an answer of no stated length ends with its connection";
}

TEST_F(EventClientTest, TellsAStreamThatWasCutFromOneThatEnded) {
  const std::string chunked = k_head + "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
  const Answered cut = answered(chunked);
  ASSERT_FALSE(cut.events);
  EXPECT_EQ(cut.events.error().code(), Code::unavailable);
  EXPECT_THAT(cut.events.error().text(), HasSubstr("was cut"));
  const Answered ended = answered(chunked + "0\r\n\r\n");
  ASSERT_TRUE(ended.events) << ended.events.error().text();
  EXPECT_EQ(ended.events->size(), 1U);
  EXPECT_TRUE(ended.ended);
}

TEST_F(EventClientTest, SaysWhatKeepsItFromReading) {
  struct Row {
    std::string answer;
    Code code;
  };
  for (const auto& [answer, code] : {
           Row{"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Code::unauthenticated},
           Row{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Code::not_found},
           Row{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Code::exhausted},
           Row{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Code::internal},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Code::corrupt},
           Row{"SSH-2.0-OpenSSH\r\n\r\n", Code::corrupt},
           Row{"", Code::unavailable},
           Row{k_head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", Code::corrupt},
           Row{k_head + "\r\ndata: " + std::string(k_event_bytes_max + 1, 'x'), Code::exhausted},
       }) {
    const Answered got = answered(answer);
    ASSERT_FALSE(got.events) << answer.substr(0, 100);
    EXPECT_EQ(got.events.error().code(), code) << got.events.error().text();
  }
  const Address nobody = listen().address();
  bool ended = false;
  EXPECT_EQ(read_all({.to = nobody, .target = "/"}, ended).error().code(), Code::unavailable);
  EXPECT_EQ(read_all({.to = unix_address(), .target = "/"}, ended).error().code(),
            Code::unavailable);
  EXPECT_EQ(read_all({.to = nobody, .target = "/ x"}, ended).error().code(), Code::unavailable);
  const Answered unfit = [&] {
    Answered out;
    ListenSocket socket = listen();
    out.events = read_all({.to = socket.address(), .target = "/", .headers = {{"A", "b\r\nC: d"}}},
                          out.ended);
    return out;
  }();
  EXPECT_EQ(unfit.events.error().code(), Code::invalid);
}

TEST_F(EventClientTest, WaitsAsLongAsItIsTold) {
  ListenSocket socket = listen(unix_address());
  std::thread server([&] {
    RawSocket peer = RawSocket::accept(socket.fd());
    peer.read_until("\r\n\r\n");
    peer.send(k_head + "\r\n");
    peer.read_to_end();
  });
  {
    const auto client = EventClient::open(
        {.to = socket.address(), .target = "/", .silence_max = milliseconds(300)});
    ASSERT_TRUE(client) << client.error().text();
    const auto nothing = (*client)->next(milliseconds(1));
    ASSERT_TRUE(nothing) << nothing.error().text();
    EXPECT_FALSE(nothing->has_value());
    EXPECT_FALSE((*client)->ended());
    const auto silent = (*client)->next(k_patience);
    ASSERT_FALSE(silent);
    EXPECT_THAT(silent.error().text(), HasSubstr("silent"));
  }
  server.join();
}

TEST_F(EventClientTest, GivesUpOnAServerThatDoesNotAnswer) {
  ListenSocket socket = listen();
  const auto client =
      EventClient::open({.to = socket.address(), .target = "/", .open_timeout = milliseconds(50)});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), Code::timeout);
}

}  // namespace
}  // namespace hitless::net
