// One end of the control link: a Unix socket that carries frames.
//
// Owner: the link's or the client's loop thread, which is its thread too.
#pragma once

#include <functional>

#include "gateway/control_frames.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class FrameConnection final : public net::Handler {
 public:
  struct Calls {
    std::function<void(json::object)> on_message;
    // Once; the connection is closed already.  The owner may bury it.
    std::function<void(const Error&)> on_end;
  };

  FrameConnection(net::EventLoop& loop, UniqueFd fd, Calls calls);

  Result<void> start();
  void send(const json::value& message);
  void close();  // without on_end

  void on_ready(net::Ready ready) override;

 private:
  void end(const Error& error);
  void read();
  void deliver();
  void flush();

  net::EventLoop& loop_;
  UniqueFd fd_;
  const Calls calls_;
  FrameReader reader_;
  std::string out_;
  std::size_t out_sent_ = 0;
};

}  // namespace hitless::gateway
