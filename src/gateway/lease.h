// A Lease is one request's claim on one endpoint: counted up when taken, down when released, on
// the object that was claimed.  No lease, no forwarding.
//
// Thread: the worker's.
#pragma once

#include <utility>

namespace hitless::gateway {

class Worker;
struct Endpoint;

class Lease {
 public:
  Lease() = default;
  Lease(Worker& worker, Endpoint& endpoint);
  Lease(Lease&& other) noexcept
      : worker_(other.worker_), endpoint_(std::exchange(other.endpoint_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    worker_ = other.worker_;
    endpoint_ = std::exchange(other.endpoint_, nullptr);
    return *this;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { release(); }

  // The last release of a retired endpoint is told to control at once.
  void release();
  Endpoint* endpoint() const { return endpoint_; }

 private:
  Worker* worker_ = nullptr;
  Endpoint* endpoint_ = nullptr;
};

}  // namespace hitless::gateway
