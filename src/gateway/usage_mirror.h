// What a gateway counts, put together from the changes that it sends.  One thread at a time.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "gateway/control_frames.h"

namespace hitless::gateway {

class UsageMirror {
 public:
  void take(UsageChange change);
  model::Usage usage() const;
  model::Generation adopted() const { return adopted_; }

 private:
  using RevisionKey = std::tuple<model::ServiceId, model::RevisionNumber, std::string>;

  std::string gateway_;
  model::Generation adopted_ = 0;
  std::map<model::InstanceId, model::InstanceUsage> instances_;
  std::map<RevisionKey, model::RevisionUsage> revisions_;
};

}  // namespace hitless::gateway
