// The gateway whose place this one takes, seen from here: it says what there is, then goes on with
// the requests it has, on tables that it gets from us, until none is left.
//
// Owner: the ControlLink, whose thread is its own.
#pragma once

#include <memory>

#include "gateway/frame_connection.h"

namespace hitless::gateway {

class ControlLink;

class Predecessor final : public net::Mortal {
 public:
  Predecessor(ControlLink& link, UniqueFd fd);

  Result<void> start(const GatewayHello& us);
  void send(const json::value& message) { connection_.send(message); }
  // Our workers may have the table now.
  void check_ready();

 private:
  Result<void> handle(const json::object& message);

  ControlLink& link_;
  FrameConnection connection_;
  bool told_all_ = false;
  bool ready_ = false;
};

}  // namespace hitless::gateway
