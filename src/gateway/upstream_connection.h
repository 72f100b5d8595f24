// One connection to one instance: in use by one exchange, or idle in its endpoint's pool.
//
// Owner: the exchange, or the pool.  Thread: the worker's.  One that is closed is buried with the
// loop and never used again.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "gateway/replay.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class Exchange;
class Worker;
struct Endpoint;

class UpstreamConnection final : public net::Handler {
 public:
  // Begins to connect; null and errno when that fails at once.
  static std::unique_ptr<UpstreamConnection> open(Worker& worker, Endpoint& endpoint);
  ~UpstreamConnection() override;

  // An exchange uses it: from now on it is told what happens.
  void attach(Exchange& exchange);
  // The exchange has done with it, and its answer was read whole.
  void rest(Duration idle_limit);
  void close();

  // What the kernel took; -1 and errno.  After EAGAIN the exchange is told when to go on.
  ssize_t send(std::string_view bytes);
  // Reads and hands over while the exchange takes it.
  void read();
  void shut_writing() { ::shutdown(fd_.get(), SHUT_WR); }
  void set_deadline(net::Instant deadline) { timer_.set(deadline); }
  void clear_deadline() { timer_.clear(); }

  bool connected() const { return connected_; }
  bool half_closed() const { return half_closed_; }
  // What is known about this connection's end; `answered` and `sent…` are the exchange's.
  Death death(int error) const;

  // The beginning of an answer's head, while it is not whole.
  std::string& partial_head() { return partial_head_; }
  std::size_t& scanned() { return scanned_; }

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer& timer) override;

 private:
  UpstreamConnection(Worker& worker, Endpoint& endpoint, UniqueFd fd);
  int connect();  // 0 or errno
  void on_idle_ready(net::Ready ready);
  void close_idle();
  void retry_connect();

  Worker& worker_;
  Endpoint& endpoint_;
  UniqueFd fd_;
  Exchange* exchange_ = nullptr;
  net::Timer timer_;
  net::Instant connect_by_ = net::k_never;
  std::string partial_head_;
  std::size_t scanned_ = 0;
  std::uint64_t sent_ = 0;            // over the connection's life
  std::uint64_t sent_before_ = 0;     // before this exchange
  bool connected_ = false;            // the kernel has taken a byte
  bool waiting_for_backlog_ = false;  // Unix sockets: the instance's accept queue is full
  bool watches_writing_ = true;
  bool readable_ = false;
  bool half_closed_ = false;
};

}  // namespace hitless::gateway
