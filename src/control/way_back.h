// Where a rollback without a revision goes.  Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/rollout.h"
#include "model/service.h"

namespace hitless::control {

struct WayBack {
  std::vector<model::RevisionNumber> served;  // newest first, one for each time it came to serve
  std::vector<model::Revision> revisions;     // that there are
  // What it leads away from: what serves, or is kept for the next start, or failed; 0: nothing.
  model::RevisionNumber present = 0;
};

// The newest that served before `present`, is still there, is configured otherwise and can run; 0:
// there is none.
model::RevisionNumber way_back(const WayBack& standing,
                               const std::function<bool(const model::Revision&)>& can_run);

// "revisions 1, 2 and 4", "revision 1".
std::string revisions_text(const std::vector<model::Revision>& revisions);

}  // namespace hitless::control
