// What the gateway knows about requests: in flight, outcomes, latency.  Values, sent from the
// gateway to control; counters only rise during the life of one gateway process.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/histogram.h"
#include "model/ids.h"

namespace hitless::model {

// Outcomes of the requests of one group of one revision.  An answer counts in one status class;
// `failed` are those that hitless, not the model, failed: no answer, a cut answer, 502, 503 or 504
// of ours.
struct Outcomes {
  std::uint64_t requests = 0;               // accounted, whatever the end
  std::array<std::uint64_t, 6> by_class{};  // [2] is 2xx; [0] ended without a status
  std::uint64_t failed = 0;
  std::uint64_t retried = 0;              // replayed on another connection or endpoint
  std::uint64_t held = 0;                 // parked while no endpoint was ready
  std::uint64_t held_done = 0;            // of those, accounted since
  std::uint64_t held_longest_us = 0;      // of what is in here
  std::uint64_t streams = 0;              // answers of no stated length that ended whole
  std::uint64_t parted = 0;               // streams that we ended at their budget's end; not failed
  std::uint64_t cut = 0;                  // answers that broke off after their first byte
  std::uint64_t client_gone = 0;          // the client left first; not failed
  std::uint64_t client_stalled = 0;       // of those, the ones that took no byte for too long
  std::uint64_t rate_limited = 0;         // of `requests`, refused by the service's rate limit …
  std::uint64_t concurrency_limited = 0;  // … or its concurrency limit; not failed
  std::uint64_t circuit_open = 0;         // refused: no instance's circuit was closed; failed
  std::uint64_t bytes_in = 0;             // content of requests
  std::uint64_t bytes_out = 0;            // content of answers
  std::uint64_t latency_us = 0;           // the sum of what is in `latency`, and of first_byte
  std::uint64_t first_byte_us = 0;
  Histogram latency;     // request read to last byte sent, microseconds
  Histogram first_byte;  // request read to first byte of the answer
  Histogram held_for{};  // each stay among the parked

  Outcomes& operator+=(const Outcomes& other);
  // What came since `earlier`, a former reading of the same counters.  held_longest_us becomes the
  // longest since then, at most 6 % above it: the histogram says how long, and it was never longer
  // than the longest of all.
  Outcomes since(const Outcomes& earlier) const;
  friend bool operator==(const Outcomes&, const Outcomes&) = default;
};

struct RevisionUsage {
  ServiceId service;
  RevisionNumber revision = 0;  // 0: requests that reached no revision
  Outcomes outcomes;
  std::string group{};  // Group::key of the share; empty with revision 0
  friend bool operator==(const RevisionUsage&, const RevisionUsage&) = default;
};

struct InstanceUsage {
  InstanceId instance;
  std::uint64_t in_flight = 0;  // leases held, over all workers
  std::uint64_t streams = 0;    // of those, answers of no stated length that have begun
  std::uint64_t requests = 0;
  std::uint64_t connect_failures = 0;  // refused or reset before an answer: the instance is suspect
  std::uint64_t circuit_opened = 0;    // times that its circuit breaker opened, over all workers
  std::uint64_t circuits_open = 0;     // workers that keep requests from it now
  friend bool operator==(const InstanceUsage&, const InstanceUsage&) = default;
};

// One reading.  `adopted` was read before the in-flight counts: an endpoint absent from that
// generation can only have fewer in flight since.
struct Usage {
  std::string gateway;                   // changes when another gateway process counts, from zero
  Generation adopted = 0;                // lowest over all workers; 0 before the first table
  std::vector<InstanceUsage> instances;  // routed, or with requests in flight; ordered by id
  std::vector<RevisionUsage> revisions;  // ordered by service, revision, group

  const InstanceUsage* find(const InstanceId& instance) const;  // nullptr: nothing in flight
  friend bool operator==(const Usage&, const Usage&) = default;
};

json::value to_json(const Outcomes& outcomes);
Result<Outcomes> outcomes_from_json(const json::value& value);
json::value to_json(const Usage& usage);
Result<Usage> usage_from_json(const json::value& value);

}  // namespace hitless::model
