// Which endpoint a request gets: the share by its exact turn, then the service's policy inside it;
// or where its session belongs, or what it asks for.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/table.h"

namespace hitless::gateway {

struct Picked {
  ShareEntry* share = nullptr;
  Endpoint* endpoint = nullptr;  // null: none is left, or none may be tried
  bool is_revision_absent = false;
  net::Instant trial_at = net::k_never;  // with null: an open circuit is tried again
};

struct PickInput {
  std::string_view client;             // its address
  std::span<Endpoint* const> tried;    // endpoints that refused this request
  model::RevisionNumber revision = 0;  // a replay stays with its revision and group while it can
  std::uint64_t group = 0;
  std::string_view instance{};       // the one that is asked for, whatever its share's weight
  model::RevisionNumber pinned = 0;  // the revision that is asked for, the same
  std::string_view session{};        // empty: none, or the service does not look at it
  net::Instant now{};
};
// The service serves.  Thread: the worker's.
Picked pick(ServiceEntry& service, const PickInput& input);

}  // namespace hitless::gateway
