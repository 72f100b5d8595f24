// control's end of the link to the gateway process.
//
// Owner: control.  One thread of its own keeps the connection, and makes it again when it breaks.
// After each (re)connection the last published table is sent again, so a gateway that was
// restarted catches up by itself.  When a gateway is replaced the link goes over to the new one
// without being lost: attached() names the new one as soon as its whole reading is there.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/address.h"
#include "base/result.h"
#include "model/route.h"
#include "model/usage.h"

namespace hitless::gateway {

// What the gateway said about itself when we attached.
struct GatewayHello {
  std::string gateway;  // id of what is counted, as in Usage; a successor goes on counting under it
  std::string version;
  pid_t pid = 0;
  Address listen;                 // with the real port
  model::Generation adopted = 0;  // so that a new serve goes on counting above it
  bool takes_changes = false;     // also tables as what they change (model/route_change.h)
};

// A gateway holds the lock beside the link, whatever state it is in.  One that is just starting may
// not yet: starting another is harmless then, as only one gets the lock.
bool is_gateway_alive(const std::filesystem::path& control_socket);

class GatewayClient {
 public:
  // Does not wait for a gateway to be there.  `on_change` is called on the link's thread after
  // each new Usage, on attach and on loss; it must not block.
  static std::unique_ptr<GatewayClient> start(std::filesystem::path control_socket,
                                              std::function<void()> on_change);
  virtual ~GatewayClient() = default;

  // Any thread; returns at once.  An older or equal generation than the last is ignored.
  virtual void publish(model::RouteTable table) = 0;

  // The last reading; adopted == 0 while no gateway is attached.  Any thread.
  virtual model::Usage usage() const = 0;
  // Of that, the table that all workers use: without a copy of ten thousand counters.
  virtual model::Generation adopted() const = 0;
  virtual std::optional<GatewayHello> attached() const = 0;  // nullopt: none is there

  // Asks the attached gateway to finish what is in flight (within `budget`) and exit.
  virtual void shut_down(Duration budget) = 0;
};

}  // namespace hitless::gateway
