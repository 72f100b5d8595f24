// Who wants to be told when something of a service has changed.
//
// Owner: the loop, whose thread alone tells.  Any thread watches.  What is called must neither
// block nor watch; once a Watch is destroyed it is not called any more, and not being called.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/thread_annotations.h"
#include "control/port.h"

namespace hitless::control {

class News {
 public:
  // Outlives its watches.
  std::unique_ptr<Watch> watch(const model::ServiceId& service, std::function<void()> on_change);
  bool is_watched(const model::ServiceId& service) const;
  void tell(const std::set<model::ServiceId>& changed);

 private:
  class Entry;

  mutable Mutex mutex_;
  std::multimap<model::ServiceId, Entry*> entries_ HL_GUARDED_BY(mutex_);
};

}  // namespace hitless::control
