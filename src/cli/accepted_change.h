// What became of a change that hitless accepted: it has begun, it waits for its turn, it is kept
// for the next start, or there was nothing to carry out.  One thread.
#pragma once

#include <cstdint>
#include <string>

#include "cli/session.h"

namespace hitless::cli {

// A service as it stood when the change was sent.
struct Before {
  std::string path;  // "/services/<id>"
  std::string name;
  std::string rollout;  // the newest; empty: there was none
  std::int64_t revision = 0;
  std::int64_t queued = 0;
};
// `service` as find_service gave it.
Result<Before> before_change(Session& session, const json::object& service);

// Says which it is, with the command that follows it; with `wait` watches what comes of it to its
// end, and the value is the exit status.  Under --json one object: rollout_id, queued_revision
// and waits_for, kept_revision, or none of them; with `wait` the rollout at its end.
Result<int> follow_change(Session& session, const Before& before, bool wait);

}  // namespace hitless::cli
