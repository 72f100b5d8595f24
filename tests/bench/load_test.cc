// The load itself: it counts what is there, and says so when something is wrong.  A load that could
// not fail would make every figure doubtful.
#include "bench/gateway/load.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/file.h"
#include "net/socket.h"

namespace hitless::bench {
namespace {

class BenchLoad : public testing::Test {
 protected:
  const TemporaryDirectory folder_ = std::move(TemporaryDirectory::make("hitless-bench")).value();
};

// Answers its first connection's first bytes with a text and leaves.
class Liar {
 public:
  explicit Liar(std::string text) : text_(std::move(text)) {
    const Address wanted{.host = "127.0.0.1", .port = 0, .path = {}};
    listener_ = net::listen_on(wanted).value();
    address_ = net::local_address(listener_.get(), wanted).value();
    thread_ = std::thread([this] { run(); });
  }
  ~Liar() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  const Address& address() const { return address_; }

 private:
  void run() {
    UniqueFd client;
    while (!client) {
      client.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client && errno != EAGAIN) return;
    }
    char bytes[4096];
    if (::recv(client.get(), bytes, sizeof bytes, 0) <= 0) return;
    ::send(client.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
  }

  const std::string text_;
  UniqueFd listener_;
  Address address_;
  std::thread thread_;
};

TEST_F(BenchLoad, DoesExactlySoManyRequests) {
  for (const bool is_unix : {false, true}) {
    Load load({.is_unix = is_unix}, folder_.path());
    load.connect(load.upstream(), 8);
    const Window window = load.run_units(1000);
    EXPECT_FALSE(load.failed()) << load.failure();
    EXPECT_EQ(window.units, 1000U);
    EXPECT_EQ(window.latency_us.size(), 1000U);
    EXPECT_EQ(window.first_byte_us.size(), 1000U);
    EXPECT_EQ(load.run_units(500).units, 500U);
  }
}

TEST_F(BenchLoad, LargeBodiesGoBothWaysWhole) {
  Load load({.request_bytes = 3'000'000, .answer_bytes = 5'000'000}, folder_.path());
  load.connect(load.upstream(), 2);
  EXPECT_EQ(load.run_units(6).units, 6U);
  EXPECT_FALSE(load.failed()) << load.failure();
}

TEST_F(BenchLoad, EveryStreamGetsAnEventOnEachBeat) {
  for (const bool is_spread : {false, true}) {
    Load load({.is_stream = true, .interval = std::chrono::milliseconds(2), .is_spread = is_spread},
              folder_.path());
    load.connect(load.upstream(), 10);
    load.run_each_once();
    const Window window = load.run_units(200);
    EXPECT_FALSE(load.failed()) << load.failure();
    // 20 beats of 2 ms, of which the first may come at once.
    EXPECT_GT(window.seconds, 0.030);
    EXPECT_GE(window.latency_us.size(), 200U);
  }
}

TEST_F(BenchLoad, ClientsPauseWhenTheyShall) {
  Load load({.pause = std::chrono::hours(1)}, folder_.path());
  load.connect(load.upstream(), 50);
  EXPECT_EQ(load.run_each_once().units, 50U);
  EXPECT_EQ(load.run_for(std::chrono::milliseconds(20)).units, 0U);
}

TEST_F(BenchLoad, RequestsWaitAtAnInstanceThatDoesNotAnswer) {
  Load load({.is_unanswered = true}, folder_.path());
  load.connect(load.upstream(), 20);
  const Window window = load.run_units(20);
  EXPECT_FALSE(load.failed()) << load.failure();
  EXPECT_EQ(window.units, 0U);
}

TEST_F(BenchLoad, ABrokenConnectionOrAnotherAnswerFailsIt) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  const std::pair<std::string, std::string> cases[] = {
      {"", "closed"},
      {"HTTP/1.1 200 O", "closed"},
      {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "another answer"},
      {head + "5\r\n\r\nhello", "another length"},
      {head + "200\r\n\r\nshort", "closed"},
      {head + "200\r\n\r\n" + std::string(201, 'x'), "after an answer"},
  };
  for (const auto& [text, what] : cases) {
    const Liar liar(text);
    Load load({}, folder_.path());
    load.connect(liar.address(), 1);
    load.run_units(2);
    EXPECT_NE(load.failure().find(what), std::string::npos) << text << ": " << load.failure();
  }
}

TEST_F(BenchLoad, NobodyThereFailsIt) {
  Load load({}, folder_.path());
  Address address = load.upstream();
  { address = Load({}, folder_.path()).upstream(); }
  load.connect(address, 1);
  load.run_units(1);
  EXPECT_TRUE(load.failed());
}

}  // namespace
}  // namespace hitless::bench
