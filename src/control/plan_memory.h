// Plans that were shown lately, so that a hash which does not fit any more can be told what moved.
// A memory only: whether a plan may be applied is decided without it.
//
// Owner: Changes.  Any thread.
#pragma once

#include <deque>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "model/plan.h"

namespace hitless::control {

class PlanMemory {
 public:
  void keep(const model::Plan& plan);

  // conflict: `hash` is not that of `now`.  The text says what moved since it was made.
  Error outdated(const std::string& hash, const model::Plan& now) const;

 private:
  mutable Mutex mutex_;
  std::deque<model::Plan> plans_ HL_GUARDED_BY(mutex_);
};

// What of `then` does not hold any more, a clause: "revision 3 serves now, not revision 2".
std::string moved_text(const model::Plan& then, const model::Plan& now);

}  // namespace hitless::control
