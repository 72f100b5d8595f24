// The gateway that shall take the place of this one, seen from here, and those that wait to be the
// next.
//
// Owner: the ControlLink, whose thread is its own.  Its steps: offered (it got our descriptors),
// joined (it is told tables and usage), ready, leads (it is the gateway, and controls us).  When it
// dies at any step, this gateway is the gateway again.
#pragma once

#include <deque>
#include <memory>

#include "gateway/footing.h"
#include "gateway/frame_connection.h"
#include "gateway/usage_mirror.h"

namespace hitless::gateway {

class ControlLink;

class Successor final : public net::Handler {
 public:
  Successor(ControlLink& link, Offer offer);
  ~Successor() override;

  // Before the first guest.
  void set_heirloom(Heirloom heirloom) { heirloom_ = std::move(heirloom); }

  void on_guest(UniqueFd fd);
  void offer_next();                      // whatever it waited for may be over
  void send(const json::value& message);  // once it has joined
  bool has_joined() const { return step_ >= Step::joined; }
  bool leads() const { return step_ == Step::leads; }
  void decline_all(std::string_view reason);  // this gateway ends

  void on_ready(net::Ready) override {}
  void on_timer(net::Timer& timer) override;  // it does not get ready

 private:
  enum class Step { none, offered, joined, leads };
  Result<void> offer_to(UniqueFd fd);
  Result<void> handle(const json::object& message);
  Result<void> join(const json::object& message);
  void on_end(const Error& error);
  void drop();

  ControlLink& link_;
  const Offer offer_;
  Heirloom heirloom_;
  net::Timer timer_;
  std::deque<UniqueFd> waiting_;
  Step step_ = Step::none;
  std::unique_ptr<FrameConnection> connection_;
  UsageMirror counted_;  // by its own workers
};

}  // namespace hitless::gateway
