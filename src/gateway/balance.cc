#include "gateway/balance.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::gateway {
namespace {

bool is_tried(const PickInput& input, const Endpoint* endpoint) {
  return std::find(input.tried.begin(), input.tried.end(), endpoint) != input.tried.end();
}

Endpoint* next_in_turn(ShareEntry& share, const PickInput& input) {
  const std::size_t count = share.endpoints.size();
  for (std::size_t step = 0; step < count; ++step) {
    if (share.cursor >= count) share.cursor %= count;
    Endpoint* const endpoint = share.endpoints[share.cursor++];
    if (input.tried.empty() || !is_tried(input, endpoint)) return endpoint;
  }
  return nullptr;
}

// Among equals the turn decides, so that idle endpoints are not all asked in the same order.
Endpoint* least_used(ShareEntry& share, const PickInput& input) {
  const std::size_t count = share.endpoints.size();
  Endpoint* best = nullptr;
  for (std::size_t step = 0; step < count; ++step) {
    Endpoint* const endpoint = share.endpoints[(share.cursor + step) % count];
    if (is_tried(input, endpoint)) continue;
    if (best == nullptr || endpoint->in_flight < best->in_flight) best = endpoint;
  }
  ++share.cursor;
  return best;
}

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// Rendezvous hashing: an endpoint that goes moves only its own clients.
Endpoint* by_source(ShareEntry& share, const PickInput& input) {
  const std::uint64_t client = mixed(std::hash<std::string_view>{}(input.client));
  Endpoint* best = nullptr;
  std::uint64_t best_score = 0;
  for (Endpoint* const endpoint : share.endpoints) {
    if (is_tried(input, endpoint)) continue;
    const std::uint64_t name = std::hash<std::string>{}(endpoint->instance.text());
    const std::uint64_t score = mixed(name ^ client);
    if (best == nullptr || score > best_score) {
      best = endpoint;
      best_score = score;
    }
  }
  return best;
}

Endpoint* pick_inside(model::Balance balance, ShareEntry& share, const PickInput& input) {
  switch (balance) {
    case model::Balance::least_connections: return least_used(share, input);
    case model::Balance::source_ip: return by_source(share, input);
    case model::Balance::round_robin: break;
  }
  return next_in_turn(share, input);
}

ShareEntry& first_choice(ServiceEntry& service, const PickInput& input) {
  if (input.revision != 0) {
    for (ShareEntry& share : service.shares) {
      if (share.revision == input.revision && share.weight > 0) return share;
    }
  }
  return service.shares[service.schedule->next()];
}

// Rare, and services have few instances: they are looked through.
Picked find_instance(ServiceEntry& service, const PickInput& input) {
  for (ShareEntry& share : service.shares) {
    for (Endpoint* const endpoint : share.endpoints) {
      if (endpoint->instance.text() != input.instance) continue;
      return is_tried(input, endpoint) ? Picked() : Picked{&share, endpoint};
    }
  }
  return {};
}

Picked pick_by_weight(ServiceEntry& service, const PickInput& input) {
  HL_DCHECK(service.schedule != nullptr);
  ShareEntry& first = first_choice(service, input);
  if (Endpoint* endpoint = pick_inside(service.balance, first, input); endpoint != nullptr) {
    return {&first, endpoint};
  }
  for (ShareEntry& other : service.shares) {
    if (&other == &first || other.weight == 0) continue;
    if (Endpoint* endpoint = pick_inside(service.balance, other, input); endpoint != nullptr) {
      return {&other, endpoint};
    }
  }
  return {};
}

}  // namespace

Picked pick(ServiceEntry& service, const PickInput& input) {
  if (!input.instance.empty()) {
    if (const Picked picked = find_instance(service, input); picked.endpoint != nullptr) {
      return picked;
    }
  }
  return pick_by_weight(service, input);
}

}  // namespace hitless::gateway
