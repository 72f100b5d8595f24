// The readings of all workers, added up.
//
// Thread: the link's.
#pragma once

#include <map>
#include <memory>
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
  model::Generation adopted() const;

 private:
  using RevisionKey = std::tuple<model::ServiceId, model::RevisionNumber, std::string>;
  using Instances = std::map<model::InstanceId, std::vector<model::InstanceUsage>>;  // per worker
  using Revisions = std::map<RevisionKey, std::vector<std::unique_ptr<model::Outcomes>>>;

  static model::InstanceUsage sum_of(const Instances::value_type& entry);
  static model::RevisionUsage sum_of(const Revisions::value_type& entry);
  bool forget(const model::InstanceId& instance, std::size_t worker);

  const std::string gateway_;
  std::vector<model::Generation> adopted_;  // per worker
  Instances instances_;
  Revisions revisions_;
};

}  // namespace hitless::gateway
