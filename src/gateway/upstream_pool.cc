#include "gateway/upstream_pool.h"

#include <algorithm>

#include "base/check.h"
#include "gateway/upstream_connection.h"

namespace hitless::gateway {

UpstreamPool::UpstreamPool() = default;
UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::put(std::unique_ptr<UpstreamConnection> connection) {
  idle_.push_back(std::move(connection));
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take() {
  if (idle_.empty()) return nullptr;
  std::unique_ptr<UpstreamConnection> last = std::move(idle_.back());
  idle_.pop_back();
  return last;
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(UpstreamConnection& connection) {
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& candidate) {
    return candidate.get() == &connection;
  });
  HL_CHECK(found != idle_.end());
  std::unique_ptr<UpstreamConnection> taken = std::move(*found);
  idle_.erase(found);
  return taken;
}

}  // namespace hitless::gateway
