// The readings of all workers, added up, and with them what the gateway before this one counted:
// while it ends its requests as it goes on telling, afterwards as it last told.
//
// Thread: the link's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "gateway/control_frames.h"
#include "gateway/counters.h"

namespace hitless::gateway {

class UsageBook {
 public:
  UsageBook(std::string gateway, std::size_t workers);

  // Takes a worker's reading in; returns what it changed in the sums.
  UsageChange add(const WorkerReading& reading);
  UsageChange whole() const;
  model::Generation adopted() const;  // by the other gateway too, while it lives

  // Of what the reading named, the sums over our own workers alone.  After add().
  UsageChange own_part(const WorkerReading& reading) const;
  model::Generation own_adopted() const;

  // The other gateway's sums, and its end: nothing is in flight there any more.
  UsageChange add_other(const UsageChange& change);
  UsageChange other_ended();

  // What a gateway counted that had taken our place and is dead.
  void inherit(const model::Usage& counted);

 private:
  using RevisionKey = std::tuple<model::ServiceId, model::RevisionNumber, std::string>;
  // A part for each worker, and a last one for other gateways.
  using Instances = std::map<model::InstanceId, std::vector<model::InstanceUsage>>;
  using Revisions = std::map<RevisionKey, std::vector<std::unique_ptr<model::Outcomes>>>;

  static model::InstanceUsage sum_of(const Instances::value_type& entry, std::size_t parts);
  static model::RevisionUsage sum_of(const Revisions::value_type& entry, std::size_t parts);
  std::size_t parts() const { return adopted_.size() + 1; }
  UsageChange change() const;
  void add_gone(const std::vector<model::InstanceId>& gone, std::size_t part, UsageChange& change);
  void add_instances(const std::vector<model::InstanceUsage>& instances, std::size_t part,
                     UsageChange& change);
  void add_revisions(const std::vector<model::RevisionUsage>& revisions, std::size_t part,
                     UsageChange& change);
  model::Outcomes& outcomes_of(const model::RevisionUsage& revision, std::size_t part);
  bool forget(const model::InstanceId& instance, std::size_t part);

  const std::string gateway_;
  std::vector<model::Generation> adopted_;          // per worker
  std::optional<model::Generation> other_adopted_;  // nullopt: there is no other
  Instances instances_;
  Revisions revisions_;
};

}  // namespace hitless::gateway
