// Where people ask a gateway how it is: GET /metrics, on a Unix socket beside the control link and
// on a TCP address if there is one (docs/decisions/0012).
//
// Owner: the ControlLink.  Thread: the link's.  One request a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/event_loop.h"

namespace hitless::gateway {

class AdminConnection;

class Admin {
 public:
  using Answer = std::function<void(std::string text)>;
  // Calls back, on this thread, at once or later.
  using Collect = std::function<void(Answer)>;

  Admin(net::EventLoop& loop, std::vector<Address> addresses, Collect collect);
  ~Admin();

  Result<void> open();                     // listens, in the place of whoever did
  void shut();                             // answers what was asked, but listens no more
  std::vector<Address> addresses() const;  // with real ports, while it listens

  // For the connections.
  void collect(std::uint64_t connection);
  void gone(std::uint64_t connection);

 private:
  class Listener;
  void accepted(UniqueFd fd);

  net::EventLoop& loop_;
  const std::vector<Address> wanted_;
  const Collect collect_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<std::uint64_t, std::unique_ptr<AdminConnection>> connections_;
  std::uint64_t last_connection_ = 0;
};

}  // namespace hitless::gateway
