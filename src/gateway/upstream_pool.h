// The connections to one endpoint that nothing is in flight on, the last used first: the others
// grow old and are closed, so a quiet service keeps few.
//
// Owner: its Endpoint.  Thread: the worker's.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace hitless::gateway {

class UpstreamConnection;

class UpstreamPool {
 public:
  UpstreamPool();
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  void put(std::unique_ptr<UpstreamConnection> connection);
  std::unique_ptr<UpstreamConnection> take();                                // null when empty
  std::unique_ptr<UpstreamConnection> take(UpstreamConnection& connection);  // that one
  std::size_t size() const { return idle_.size(); }

 private:
  std::vector<std::unique_ptr<UpstreamConnection>> idle_;
};

}  // namespace hitless::gateway
