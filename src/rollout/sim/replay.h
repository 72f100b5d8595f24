// `hitless sim --replay`: the decisions of a rollout once more, from its journal (journal.h).
//
// Each recorded view is given to today's step(); the transcript tells what was decided, and where
// today's decision is another one than the recorded one.  Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hitless::rollout {

struct Replay {
  std::string transcript;
  int decisions = 0;
  int different = 0;
};

// invalid: not a journal, with the line.
Result<Replay> replay_journal(std::string_view lines);

}  // namespace hitless::rollout
