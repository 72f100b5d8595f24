#include "gateway/counters.h"

#include <algorithm>

#include "gateway/access_line.h"
#include "gateway/endpoint.h"

namespace hitless::gateway {

RevisionCounters& Counters::of(const model::ServiceId& service, model::RevisionNumber revision,
                               const std::string& group) {
  std::unique_ptr<RevisionCounters>& found = all_[{service, revision, group}];
  if (found == nullptr) {
    found = std::make_unique<RevisionCounters>();
    found->service = service;
    found->revision = revision;
    found->group = group;
    found->access_scope = access_scope(service, revision);
  }
  return *found;
}

void Counters::changed(RevisionCounters& revision) {
  if (revision.changed) return;
  revision.changed = true;
  revisions_.push_back(&revision);
}

void Counters::changed(Endpoint& endpoint) {
  if (endpoint.changed) return;
  endpoint.changed = true;
  endpoints_.push_back(&endpoint);
}

void Counters::forget(Endpoint& endpoint) {
  if (!endpoint.changed) return;
  endpoint.changed = false;
  endpoints_.erase(std::find(endpoints_.begin(), endpoints_.end(), &endpoint));
}

void Counters::gone(const model::InstanceId& instance) {
  gone_.push_back(instance);
}

WorkerReading Counters::take_reading(std::size_t worker, model::Generation adopted) {
  WorkerReading reading{.worker = worker,
                        .adopted = adopted,
                        .instances = {},
                        .gone = std::move(gone_),
                        .revisions = {}};
  gone_.clear();
  for (Endpoint* endpoint : endpoints_) {
    endpoint->changed = false;
    reading.instances.push_back({.instance = endpoint->instance,
                                 .in_flight = endpoint->in_flight,
                                 .streams = endpoint->streams,
                                 .requests = endpoint->requests,
                                 .connect_failures = endpoint->connect_failures,
                                 .circuit_opened = endpoint->circuit_opened,
                                 .circuits_open = endpoint->circuit.is_open() ? 1U : 0U});
  }
  endpoints_.clear();
  for (RevisionCounters* revision : revisions_) {
    revision->changed = false;
    reading.revisions.push_back({.service = revision->service,
                                 .revision = revision->revision,
                                 .outcomes = revision->outcomes,
                                 .group = revision->group});
  }
  revisions_.clear();
  return reading;
}

}  // namespace hitless::gateway
