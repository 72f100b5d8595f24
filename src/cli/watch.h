// Following a rollout to its end: a live view on a terminal, plain lines otherwise, then its
// report.  One thread.
#pragma once

#include <string>

#include "cli/session.h"

namespace hitless::cli {

// The id of the newest rollout of the service at `path` ("/services/<id>"); empty when it has none.
Result<std::string> newest_rollout(Session& session, const std::string& path);

// What --json prints: of a command that waits its outcome, of one that watches a line an event.
enum class Lines { the_end, each_event };

// Watches to the end and prints the report.  Where the service is called, that is some seconds
// later, when the traffic after the change is known.  A serve that is killed meanwhile is waited
// for.  The value is the exit status.
Result<int> watch_rollout(Session& session, const std::string& rollout_id,
                          Lines lines = Lines::the_end);

Result<void> wait_until_gone(Session& session, const std::string& path);

// What the exit status of a rollout in that phase is.
int exit_of(const json::object& rollout);

}  // namespace hitless::cli
