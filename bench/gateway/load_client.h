// One client of the load: asks, reads the answer, asks again.
//
// Owner: a Load; its thread.
#pragma once

#include <string>
#include <string_view>

#include "bench/gateway/load.h"
#include "bench/gateway/message.h"
#include "net/socket.h"

namespace hitless::bench {

class LoadClient final : public Pollable {
 public:
  LoadClient(Load& load, const Address& proxy);

  void on_ready(std::uint32_t events) override;
  void ask(Clock::time_point now);  // if it is idle, has paused, and the load allows it
  bool is_idle() const { return state_ == State::idle; }
  std::uint64_t units() const { return units_; }

 private:
  enum class State { idle, writing, head, body, closing };

  void open();
  void write_on();
  bool read_some(bool has_end);  // of what can be read
  void take(std::string_view bytes);
  void take_head(std::string_view bytes);
  void begin_body(const Head& head, std::string_view rest);
  void take_body(std::size_t bytes);
  void take_events(std::string_view bytes);
  void end_request();
  void on_end();

  Load& load_;
  const net::SocketAddress proxy_;
  UniqueFd fd_;
  State state_ = State::idle;
  std::string_view unsent_;
  std::string carried_;  // of a head that is not whole yet
  std::uint64_t body_left_ = 0;
  ChunkReader chunks_;
  std::string events_;  // payload of a stream: less than one event
  Clock::time_point began_;
  Clock::time_point not_before_;
  bool has_first_byte_ = false;
  std::uint64_t units_ = 0;
};

}  // namespace hitless::bench
