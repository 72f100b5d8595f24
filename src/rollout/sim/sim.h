// `hitless sim`: a rollout as a story.  A scenario is a text of commands, one a line or separated
// by ";", and what comes of it is a transcript.  tests/scenarios/ holds some, with what must come.
//
//   pool 3 memory=4096              instances and MiB that the pool can hold; plans know it
//   serve 2 of A                    a service that runs, as left by an earlier rollout
//   put 2 of B surge=1 unavailable=0 weight=100 timeout=60s     a change; entries joined by "+"
//   put 4 of B strategy=canary steps=10:30s,100:1m silence=wait      how the service wants it:
//         strategy=blue_green bake=1m, judged=no, slow-start=20s, drop-budget=5; memory=512 of each
//   pause, resume, abort, skip      orders; skip ends the bake under way
//   traffic 100                     requests a second; B errors 5 (percent), B latency 60ms
//   drop 3                          so many were lost; samples-done: the warm-up requests were sent
//   stop                            the service is stopped
//   B ready after 2s                what instances of B do: ready after, fails after, exits after
//   B.2 fails after 1s              the second instance of B alone
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
