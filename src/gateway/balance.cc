#include "gateway/balance.h"

#include <algorithm>

#include "base/check.h"
#include "gateway/session.h"

namespace hitless::gateway {
namespace {

// One pick: what is asked, and of whom.
class Choice {
 public:
  Choice(ServiceEntry& service, const PickInput& input)
      : service_(service), input_(input), breaks_(service.traffic.breaker.is_set()) {}

  Picked by_turn();
  Picked by_session();
  Picked by_instance();
  Picked by_revision();

 private:
  bool is_asked_for(const ShareEntry& share) const;
  bool is_tried(const Endpoint* endpoint) const;
  bool is_usable(const Endpoint* endpoint) const;
  Endpoint* next_in_turn(ShareEntry& share) const;
  Endpoint* least_used(ShareEntry& share) const;
  Endpoint* by_source(ShareEntry& share) const;
  Endpoint* inside(ShareEntry& share) const;
  Picked of_group(std::uint64_t group, std::uint64_t session) const;
  ShareEntry& first_choice() const;
  Picked of_first_or_other(ShareEntry& first);
  Picked none() const;

  ServiceEntry& service_;
  const PickInput& input_;
  const bool breaks_;
};

bool Choice::is_asked_for(const ShareEntry& share) const {
  if (input_.pinned == 0) return share.weight > 0;
  return share.revision == input_.pinned && !share.endpoints.empty();
}

bool Choice::is_tried(const Endpoint* endpoint) const {
  return std::find(input_.tried.begin(), input_.tried.end(), endpoint) != input_.tried.end();
}

bool Choice::is_usable(const Endpoint* endpoint) const {
  if (breaks_ && !endpoint->circuit.lets_through(input_.now)) return false;
  return input_.tried.empty() || !is_tried(endpoint);
}

Endpoint* Choice::next_in_turn(ShareEntry& share) const {
  const std::size_t count = share.endpoints.size();
  for (std::size_t step = 0; step < count; ++step) {
    if (share.cursor >= count) share.cursor %= count;
    Endpoint* const endpoint = share.endpoints[share.cursor++];
    if (is_usable(endpoint)) return endpoint;
  }
  return nullptr;
}

// Among equals the turn decides, so that idle endpoints are not all asked in the same order.
Endpoint* Choice::least_used(ShareEntry& share) const {
  const std::size_t count = share.endpoints.size();
  Endpoint* best = nullptr;
  for (std::size_t step = 0; step < count; ++step) {
    Endpoint* const endpoint = share.endpoints[(share.cursor + step) % count];
    if (!is_usable(endpoint)) continue;
    if (best == nullptr || endpoint->in_flight < best->in_flight) best = endpoint;
  }
  ++share.cursor;
  return best;
}

// Rendezvous hashing: an endpoint that goes moves only its own clients.
Endpoint* Choice::by_source(ShareEntry& share) const {
  const std::uint64_t client = number_of(input_.client);
  Endpoint* best = nullptr;
  std::uint64_t best_score = 0;
  for (Endpoint* const endpoint : share.endpoints) {
    if (!is_usable(endpoint)) continue;
    const std::uint64_t score = mixed(endpoint->number ^ client);
    if (best == nullptr || score > best_score) {
      best = endpoint;
      best_score = score;
    }
  }
  return best;
}

Endpoint* Choice::inside(ShareEntry& share) const {
  switch (service_.balance) {
    case model::Balance::least_connections: return least_used(share);
    case model::Balance::source_ip: return by_source(share);
    case model::Balance::round_robin: break;
  }
  return next_in_turn(share);
}

ShareEntry& Choice::first_choice() const {
  if (input_.revision != 0) {
    for (ShareEntry& share : service_.shares) {
      if (share.revision == input_.revision && share.group == input_.group && share.weight > 0) {
        return share;
      }
    }
  }
  return service_.shares[service_.schedule->next()];
}

// Where nothing may be tried but something could be, had its circuit not opened, it is said when.
Picked Choice::none() const {
  Picked picked;
  if (!breaks_) return picked;
  for (const ShareEntry& share : service_.shares) {
    if (!is_asked_for(share)) continue;
    for (const Endpoint* const endpoint : share.endpoints) {
      if (is_tried(endpoint) || !endpoint->circuit.is_open()) continue;
      picked.trial_at = std::min(picked.trial_at, endpoint->circuit.trial_at());
    }
  }
  return picked;
}

Picked Choice::of_first_or_other(ShareEntry& first) {
  if (Endpoint* endpoint = inside(first); endpoint != nullptr) return {&first, endpoint};
  for (ShareEntry& other : service_.shares) {
    if (&other == &first || !is_asked_for(other)) continue;
    if (Endpoint* endpoint = inside(other); endpoint != nullptr) return {&other, endpoint};
  }
  return none();
}

Picked Choice::by_turn() {
  HL_DCHECK(service_.schedule != nullptr);
  return of_first_or_other(first_choice());
}

// The group's endpoint where the session stands highest.  A group may have several shares, because
// an instance that starts slowly has less weight than the others.
Picked Choice::of_group(std::uint64_t group, std::uint64_t session) const {
  Picked best;
  double best_standing = 0;
  for (ShareEntry& share : service_.shares) {
    if (share.group != group || share.weight == 0) continue;
    const double weight = share.weight / static_cast<double>(share.endpoints.size());
    for (Endpoint* const endpoint : share.endpoints) {
      if (!is_usable(endpoint)) continue;
      const double standing = standing_of(session, endpoint->number, weight);
      if (best.endpoint != nullptr && standing <= best_standing) continue;
      best_standing = standing;
      best.share = &share;
      best.endpoint = endpoint;
    }
  }
  return best;
}

// First the group by the weights, which a rollout moves; then the endpoint, so that the number of a
// group's instances moves no session to another group.
Picked Choice::by_session() {
  const std::uint64_t session = number_of(input_.session);
  Picked best;
  double best_standing = 0;
  for (std::size_t i = 0; i < service_.shares.size(); ++i) {
    const std::uint64_t group = service_.shares[i].group;
    double weight = 0;
    bool is_first = true;
    for (std::size_t other = 0; other < service_.shares.size(); ++other) {
      if (service_.shares[other].group != group) continue;
      is_first = is_first && other >= i;
      weight += service_.shares[other].weight;
    }
    if (!is_first || weight == 0) continue;
    const double standing = standing_of(session, group, weight);
    if (best.endpoint != nullptr && standing <= best_standing) continue;
    const Picked picked = of_group(group, session);
    if (picked.endpoint == nullptr) continue;
    best_standing = standing;
    best = picked;
  }
  return best.endpoint != nullptr ? best : none();
}

// Rare, and services have few instances: they are looked through.
Picked Choice::by_instance() {
  for (ShareEntry& share : service_.shares) {
    for (Endpoint* const endpoint : share.endpoints) {
      if (endpoint->instance.text() != input_.instance) continue;
      return is_tried(endpoint) ? Picked() : Picked{&share, endpoint};
    }
  }
  return {};
}

// Inside a revision by its shares' weights, or evenly over its instances while it has none.  It
// takes nobody's turn, so that testers do not move the others' shares.
Picked Choice::by_revision() {
  std::uint64_t weighed = 0;
  std::uint64_t instances = 0;
  for (const ShareEntry& share : service_.shares) {
    if (!is_asked_for(share)) continue;
    weighed += share.weight;
    instances += share.endpoints.size();
  }
  if (instances == 0) return {.is_revision_absent = true};
  // Multiples of the golden section: near to even over any stretch.
  const std::uint64_t point = (++service_.pinned * 0x9e3779b97f4a7c15) >> 32;
  std::uint64_t turn = (point * (weighed != 0 ? weighed : instances)) >> 32;
  ShareEntry* first = nullptr;
  for (ShareEntry& share : service_.shares) {
    if (!is_asked_for(share)) continue;
    const std::uint64_t part = weighed != 0 ? share.weight : share.endpoints.size();
    if (turn < part) {
      first = &share;
      break;
    }
    turn -= part;
  }
  HL_CHECK(first != nullptr);
  return of_first_or_other(*first);
}

}  // namespace

Picked pick(ServiceEntry& service, const PickInput& input) {
  Choice choice(service, input);
  if (!input.instance.empty()) {
    if (const Picked picked = choice.by_instance(); picked.endpoint != nullptr) return picked;
  }
  if (input.pinned != 0) return choice.by_revision();
  if (!input.session.empty()) return choice.by_session();
  return choice.by_turn();
}

}  // namespace hitless::gateway
