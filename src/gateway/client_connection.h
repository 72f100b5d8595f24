// One client's connection: reads requests one after the other, sends answers in order.
//
// Owner: its Worker.  Thread: the worker's.  It has at most one Exchange at a time; a pipelined
// request waits, unread or in a small buffer, until the one before is over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/answers.h"
#include "gateway/caller.h"
#include "gateway/connection.h"
#include "gateway/token_memory.h"
#include "net/channel.h"
#include "net/http1.h"

namespace hitless::gateway {

class Exchange;
class Worker;

// The exchange asks more often than the worker: it goes without adjusting the pointer.
class ClientConnection final : public Caller, public Connection {
 public:
  ClientConnection(Worker& worker, net::Channel channel, const std::string& peer);
  ~ClientConnection() override;

  // For the worker.
  void start() override;
  void drain() override;
  void shut() override;
  bool parts_in_turn() const override { return idle(); }
  void part_by(net::Instant deadline) override;
  std::optional<Wait> wait() const override;
  void give_up() override;

  // For the exchange.
  bool send(std::string_view first, std::string_view second) override;
  bool has_unsent() const override { return !out_.empty(); }
  void resume() override;
  void expect_body() override;
  void on_exchange_over(After after) override;

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer& timer) override;

 private:
  // Nothing is in progress: closing loses nothing.
  bool idle() const { return exchange_ == nullptr && in_.empty() && out_.empty(); }
  bool wants_input() const;
  void pump();
  void read_some();
  void take(std::string_view bytes, bool from_kept);
  std::size_t begin_exchange(std::string_view bytes);
  net::http1::Fault take_head(std::string_view bytes, net::http1::Head& head);
  bool begins_http2(std::string_view bytes) const;
  std::size_t begin_http2(std::string_view bytes);
  void refuse(Cause cause);
  void on_end_of_input();
  void check_half_closed();
  bool flush();
  void gone();
  bool is_moving();
  void stalled();
  void part();
  void linger();
  void close(bool by_reset = false);

  Worker& worker_;
  net::Channel channel_;
  std::unique_ptr<Exchange> exchange_;
  std::string in_;           // read and not yet used: part of a head, or pipelined requests
  std::size_t scanned_ = 0;  // of in_, for the head's end
  std::string out_;          // what the kernel has not taken yet
  std::size_t out_sent_ = 0;
  TokenMemory valid_token_;
  std::uint64_t discarded_ = 0;
  bool in_waits_ = false;   // in_ has bytes that were not looked at
  bool head_begun_ = true;  // the head's deadline runs
  bool begins_ = true;      // no request has come yet
  bool readable_ = true;
  bool half_closed_ = false;
  bool pumping_ = false;
  bool lingering_ = false;
  bool close_when_sent_ = false;
  bool watches_writing_ = true;
};

}  // namespace hitless::gateway
