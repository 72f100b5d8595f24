#include "control/timeline.h"

#include <algorithm>

namespace hitless::control {
namespace {

using model::Stage;

std::string ending_of(const model::Instance& instance) {
  const std::string word(to_text(instance.ending));
  return instance.detail.empty() ? word : word + ": " + instance.detail;
}

// Its line in the report.  One that served before the rollout gets it once it is to leave.
model::InstanceTimes* line_of(model::Report& report, const model::Instance& after) {
  const auto found =
      std::find_if(report.instances.begin(), report.instances.end(),
                   [&](const model::InstanceTimes& each) { return each.instance == after.id; });
  if (found != report.instances.end()) return &*found;
  const bool leaves = after.stage == Stage::draining || after.stage == Stage::stopping ||
                      after.stage == Stage::gone;
  if (!leaves) return nullptr;
  model::InstanceTimes& line = report.instances.emplace_back();
  line.instance = after.id;
  line.revision = after.revision;
  return &line;
}

}  // namespace

void note_start(model::Report& report, const model::Instance& instance) {
  model::InstanceTimes& line = report.instances.emplace_back();
  line.instance = instance.id;
  line.revision = instance.revision;
  line.started = instance.created_at;
}

void note_times(model::Report& report, const model::Instance& before,
                const model::Instance& after) {
  model::InstanceTimes* line = line_of(report, after);
  if (line == nullptr) return;
  if (!before.ready_at && after.ready_at) line->ready = after.ready_at;
  if (!before.routed_at && after.routed_at) line->routed = after.routed_at;
  if (before.stage == after.stage) return;
  switch (after.stage) {
    case Stage::starting: break;
    case Stage::ready:  // wanted back
      line->drain_begun.reset();
      break;
    case Stage::draining: line->drain_begun = after.stage_at; break;
    case Stage::stopping: line->told_to_stop = after.stage_at; break;
    case Stage::gone:
      line->gone = after.stage_at;
      line->ending = ending_of(after);
      break;
  }
}

}  // namespace hitless::control
