// `hitless sim`: a rollout as a story.  A scenario is a text of commands, one a line or separated
// by ";", and what comes of it is a transcript.  tests/scenarios/ holds some, with what must come.
//
//   pool 3                          instances that the pool can hold
//   serve 2 of A                    a service that runs, as left by an earlier rollout
//   put 2 of B surge=1 unavailable=0 weight=100 timeout=60s     a change; entries joined by "+"
//   stop                            the service is stopped
//   B ready after 2s                what instances of B do: ready after, fails after, exits after
//   B hangs                         neither passes nor fails its probe
//   ready r2-3                      the probe of an instance passes; fail r2-3, crash r2-3
//   in-flight r1-1 5                requests it has; they stay until told otherwise
//   adopt off | on                  whether the gateway's workers take new tables
//   kill controller                 the next decision is recorded and nothing of it is done
//   tick 5s                         time passes
//   run                             time passes until nothing moves any more
//   show                            where everything stands
//   # …                             a remark
//
// Pure, in virtual time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hitless::rollout {

// The transcript.  invalid: a command that is not understood, with its line.
Result<std::string> run_scenario(std::string_view text);

}  // namespace hitless::rollout
