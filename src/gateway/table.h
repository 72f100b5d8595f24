// A worker's own copy of the route table, as it is used: services by id, endpoints with their
// connections and counts.
//
// Owner: its Worker.  Thread: the worker's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/counters.h"
#include "gateway/endpoint.h"
#include "gateway/hash_of_id.h"
#include "gateway/hold.h"
#include "gateway/table_change.h"

namespace hitless::gateway {

// One group's part of a service's traffic.
struct ShareEntry {
  model::RevisionNumber revision = 0;
  std::uint32_t weight = 0;
  std::uint64_t group = 0;  // a number made of its group's key, the same at every worker
  std::vector<Endpoint*> endpoints;
  std::size_t cursor = 0;  // round robin
  RevisionCounters* counters = nullptr;
};

// One service.  An exchange that holds on to one counts in `users`; an entry that has left the
// table goes away with its last user.
struct ServiceEntry {
  model::ServiceId id;
  bool routed = false;  // in the adopted table
  model::Standing standing = model::Standing::not_ready;
  model::Balance balance = model::Balance::round_robin;
  std::shared_ptr<Schedule> schedule;
  std::shared_ptr<Admission> admission;
  model::TrafficPolicy traffic;
  std::vector<ShareEntry> shares;
  RevisionCounters* unrouted = nullptr;  // requests that reached no revision
  Duration hold_time{};                  // how long a request may be held; 0: Limits::hold_timeout
  Hold hold;
  std::size_t users = 0;
  std::uint64_t pinned = 0;  // requests that asked for a revision and got it
};

class Table {
 public:
  Table(Counters& counters, std::size_t worker) : counters_(counters), worker_(worker) {}

  model::Generation generation() const { return generation_; }
  const identity::TokenVerifier& tokens() const { return *tokens_; }
  model::Generation tokens_since() const { return tokens_since_; }  // the table that brought them
  ServiceEntry* find(std::string_view service);  // null: not in the adopted table

  // What an adoption leaves to its caller: idle connections to be closed, holds to be looked at.
  struct Adopted {
    std::vector<Endpoint*> retired;
    std::vector<ServiceEntry*> changed;
  };
  Adopted adopt(const TableChange& change);

  // Forgets retired endpoints without leases and unrouted services without users.
  void sweep();

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return hash_of_id(text); }
  };
  using Services =
      std::unordered_map<std::string, std::unique_ptr<ServiceEntry>, TextHash, std::equal_to<>>;
  using Endpoints = std::unordered_map<std::string, std::unique_ptr<Endpoint>>;

  ServiceEntry& entry_of(const model::ServiceId& service);
  Endpoint& endpoint_of(const model::Endpoint& wanted);
  std::unique_ptr<Endpoint> take_retired(const model::Endpoint& wanted);
  void apply(const ServiceChange& change, ServiceEntry& entry, Adopted& adopted);
  void retire_unrouted(const std::vector<Endpoint*>& before, Adopted& adopted);

  Counters& counters_;
  const std::size_t worker_;
  model::Generation generation_ = 0;
  std::uint64_t adoptions_ = 0;
  std::shared_ptr<const identity::TokenVerifier> tokens_ =
      std::make_shared<const identity::TokenVerifier>();
  model::Generation tokens_since_ = 0;
  Services services_;
  Endpoints endpoints_;  // routed, by instance id
  std::vector<std::unique_ptr<Endpoint>> retired_;
  std::vector<std::unique_ptr<ServiceEntry>> leaving_;
};

}  // namespace hitless::gateway
