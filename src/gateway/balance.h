// Which endpoint a request gets: the share by its exact turn, then the service's policy inside it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/table.h"

namespace hitless::gateway {

struct Picked {
  ShareEntry* share = nullptr;
  Endpoint* endpoint = nullptr;  // null: every endpoint has been tried
};

struct PickInput {
  std::string_view client;             // its address
  std::span<Endpoint* const> tried;    // endpoints that refused this request
  model::RevisionNumber revision = 0;  // a replay stays with its revision while it can
  std::string_view instance{};         // the one that is asked for, whatever its share's weight
};
// The service serves.  Thread: the worker's.
Picked pick(ServiceEntry& service, const PickInput& input);

}  // namespace hitless::gateway
