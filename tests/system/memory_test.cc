// What one side sends and the other one does not take waits with the sender: the real gateway
// between fast senders and readers that wait, and the most memory it ever had.
//
// HITLESS_LONG=1: a gibibyte each way instead of a quarter of one.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/gateway_process.h"
#include "tests/support/websocket_peer.h"

namespace hitless::testing {
namespace {

constexpr std::size_t k_mib = std::size_t{1} << 20;
constexpr std::size_t k_memory_max = 64 * k_mib;

std::size_t size_wanted() {
  return (std::getenv("HITLESS_LONG") != nullptr ? 1024 : 256) * k_mib;
}

// The most that a process has had in memory since its start.
std::size_t peak_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  }
  return 0;
}

// Waits until somebody opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

class Memory : public ::testing::Test {
 protected:
  void TearDown() override {
    const std::size_t peak = peak_of(gateway_.pid());
    std::printf("[  memory  ] %zu MiB through, at most %zu KiB in memory\n", size_wanted() / k_mib,
                peak / 1024);
    EXPECT_GT(peak, k_mib);
    EXPECT_LT(peak, k_memory_max);
  }

  bool send(RawConnection& connection, std::size_t size) {
    const std::string piece(64 * 1024, 'x');
    for (std::size_t at = 0; at < size; at += piece.size()) {
      if (!connection.write(std::string_view(piece).substr(0, std::min(piece.size(), size - at)))) {
        return false;
      }
      sent_ += std::min(piece.size(), size - at);
    }
    return true;
  }
  // Else the kernel has room for all of it.
  static void keep_small(RawConnection& connection, int buffer) {
    const int bytes = 64 * 1024;
    EXPECT_EQ(::setsockopt(connection.fd(), SOL_SOCKET, buffer, &bytes, sizeof bytes), 0);
  }
  // What is buffered and the rest of so much, which is dropped.
  static std::size_t take(RawConnection& connection, std::size_t size) {
    std::size_t got = std::exchange(connection.buffered(), {}).size();
    while (got < size && connection.read_more()) {
      got += std::exchange(connection.buffered(), {}).size();
    }
    return got;
  }
  // Until senders get nothing away any more: buffers on the way are full.
  void wait_until_it_stands_still() {
    std::size_t last = 0;
    for (int still = 0; still < 10;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::size_t now = sent_;
      still = now == last && now > 0 ? still + 1 : 0;
      last = now;
    }
    EXPECT_LT(last, size_wanted()) << "nothing has to wait";
  }

  std::atomic<std::size_t> sent_ = 0;
  GatewayProcess gateway_;
};

TEST_F(Memory, OfAnAnswerToAClientThatReadsLateIsBounded) {
  const std::size_t size = size_wanted();
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    send(connection, size);
  });
  ASSERT_TRUE(gateway_.start(upstream.address()));
  RawConnection client = RawConnection::connect(gateway_.address(), 16 * 1024);
  client.write(request());
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  client.buffered().erase(0, client.buffered().find("\r\n\r\n") + 4);
  wait_until_it_stands_still();
  EXPECT_EQ(take(client, size), size);
}

// As many uploads at once as make the size, each as large as one may be.
TEST_F(Memory, OfUploadsToAnInstanceThatReadsLateIsBounded) {
  constexpr std::size_t k_each = 8 * k_mib;
  const std::size_t count = size_wanted() / k_each;
  Gate gate;
  RawUpstream upstream([&](RawConnection& connection) {
    keep_small(connection, SO_RCVBUF);
    connection.read_until("\r\n\r\n");
    connection.buffered().erase(0, connection.buffered().find("\r\n\r\n") + 4);
    gate.wait();
    const std::size_t got = take(connection, k_each);
    connection.write(RawUpstream::ok(std::to_string(got)));
  });
  ASSERT_TRUE(gateway_.start(upstream.address()));
  std::vector<std::thread> clients;
  std::atomic<std::size_t> whole = 0;
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back([&] {
      RawConnection client = RawConnection::connect(gateway_.address());
      keep_small(client, SO_SNDBUF);
      client.write("POST /v1/infers/" + std::string(k_service) + "/ HTTP/1.1\r\nHost: a\r\n" +
                   "X-Auth-Token: " + k_token + "\r\nContent-Length: " + std::to_string(k_each) +
                   "\r\n\r\n");
      send(client, k_each);
      if (client.read_message().body == std::to_string(k_each)) ++whole;
    });
  }
  wait_until_it_stands_still();
  gate.open();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(whole, count);
}

// One connection's worth of it: what an upgraded connection carries has no limit.
TEST_F(Memory, OfAConnectionBothWaysIsBounded) {
  const std::size_t size = size_wanted() / 2;
  Gate gate;
  std::atomic<std::size_t> came = 0;
  RawUpstream upstream([&](RawConnection& connection) {
    connection.read_message();
    connection.write(WebSocketPeer::k_accepted);
    gate.wait();
    came = take(connection, size);
    send(connection, size);
  });
  ASSERT_TRUE(gateway_.start(upstream.address()));
  WebSocketPeer peer(RawConnection::connect(gateway_.address()));
  ASSERT_EQ(peer.upgrade(request("/", "", WebSocketPeer::k_fields, "GET")).status(), 101);
  std::thread sender([&] { send(peer.connection(), size); });
  wait_until_it_stands_still();
  gate.open();
  sender.join();
  EXPECT_EQ(take(peer.connection(), size), size);
  EXPECT_EQ(came, size);
}

}  // namespace
}  // namespace hitless::testing
