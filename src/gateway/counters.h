// What one worker counted, and its way to the control link.
//
// Thread: the worker's.  Counting is a plain store.  A WorkerReading is a copy of what changed
// since the last one, taken in one go between two events, so that its adopted generation and its
// in-flight counts belong together; it then travels to the link's thread as a message.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "model/ids.h"
#include "model/usage.h"

namespace hitless::gateway {

struct Endpoint;

// The outcomes of one group of one revision at one worker.  Lives as long as the worker.
struct RevisionCounters {
  model::ServiceId service;
  model::RevisionNumber revision = 0;
  std::string group;
  std::string access_scope;  // the two in the access record
  model::Outcomes outcomes;
  bool changed = false;
};

// Cumulative values of what changed; `gone` are endpoints that are neither routed nor in use.
struct WorkerReading {
  std::size_t worker = 0;
  model::Generation adopted = 0;
  std::vector<model::InstanceUsage> instances;
  std::vector<model::InstanceId> gone;
  std::vector<model::RevisionUsage> revisions;
};

class Counters {
 public:
  // Revision 0 with an empty group: requests that reached no revision.
  RevisionCounters& of(const model::ServiceId& service, model::RevisionNumber revision,
                       const std::string& group);

  // Call after changing what they count.
  void changed(RevisionCounters& revision);
  void changed(Endpoint& endpoint);
  void forget(Endpoint& endpoint);  // it is about to be destroyed
  void gone(const model::InstanceId& instance);

  bool anything_changed() const {
    return !endpoints_.empty() || !revisions_.empty() || !gone_.empty();
  }
  WorkerReading take_reading(std::size_t worker, model::Generation adopted);

 private:
  using Key = std::tuple<model::ServiceId, model::RevisionNumber, std::string>;

  std::map<Key, std::unique_ptr<RevisionCounters>> all_;
  std::vector<RevisionCounters*> revisions_;  // changed since the last reading
  std::vector<Endpoint*> endpoints_;          // changed since the last reading
  std::vector<model::InstanceId> gone_;
};

}  // namespace hitless::gateway
