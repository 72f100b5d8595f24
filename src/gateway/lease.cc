#include "gateway/lease.h"

#include "base/check.h"
#include "gateway/worker.h"

namespace hitless::gateway {

Lease::Lease(Worker& worker, Endpoint& endpoint) : worker_(&worker), endpoint_(&endpoint) {
  HL_CHECK(!endpoint.retired);
  ++endpoint.in_flight;
  ++endpoint.requests;
  worker.counters().changed(endpoint);
  worker.on_counted();
}

void Lease::release() {
  if (endpoint_ == nullptr) return;
  Endpoint& endpoint = *std::exchange(endpoint_, nullptr);
  HL_CHECK(endpoint.in_flight > 0);
  --endpoint.in_flight;
  worker_->counters().changed(endpoint);
  if (endpoint.retired && endpoint.in_flight == 0) worker_->on_drained();
}

}  // namespace hitless::gateway
