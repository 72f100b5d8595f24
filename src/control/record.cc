#include "control/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/limits.h"
#include "control/orders.h"
#include "control/service_events.h"
#include "control/status.h"
#include "control/timeline.h"
#include "rollout/journal.h"

namespace hitless::control {
namespace {

using model::Phase;
using model::Stage;

std::int64_t micros_between(Time from, Time to) {
  return std::max<std::int64_t>((to - from).count(), 0);
}

void keep_longest(std::int64_t& longest, std::int64_t value) {
  longest = std::max(longest, value);
}

// The instance after its move, and what the rollout's report learns from it.
model::Instance moved(const model::Instance& before, const rollout::MoveInstance& move, Time now,
                      model::Report& report) {
  model::Instance after = before;
  after.stage = move.stage;
  after.stage_at = now;
  if (move.ending != model::Ending::none) after.ending = move.ending;
  if (!move.detail.empty()) after.detail = move.detail;
  if (move.stage == Stage::ready && !before.ready_at) {
    after.ready_at = now;
    keep_longest(report.start_to_ready_us, micros_between(before.created_at, now));
  }
  if (before.stage == Stage::draining && move.stage == Stage::stopping) {
    keep_longest(report.drain_to_stop_us, micros_between(before.stage_at, now));
  }
  const bool failed =
      move.ending == model::Ending::exited || move.ending == model::Ending::never_ready;
  if (failed && before.ending == model::Ending::none) ++report.instances_failed;
  return after;
}

model::Instance started(const ServiceState& state, const rollout::StartInstance& start, Time now) {
  model::Instance instance;
  instance.id = start.id;
  instance.service = state.service.id;
  if (state.is_rolling_out()) instance.rollout = state.rollout->id;
  instance.group = start.group;
  instance.revision = start.revision;
  instance.entry = start.entry;
  instance.ordinal = start.ordinal;
  instance.created_at = now;
  instance.stage_at = now;
  return instance;
}

// Instances after the decision; those that did not change are left out.
std::vector<model::Instance> changed_instances(const ServiceState& state, const rollout::View& view,
                                               const rollout::Decision& decision,
                                               model::Report& report) {
  std::vector<model::Instance> changed;
  for (const rollout::InstanceView& seen : view.instances) {
    model::Instance after = seen.recorded;
    for (const rollout::MoveInstance& move : decision.moves) {
      if (move.id == after.id) after = moved(after, move, view.now, report);
    }
    if (after.stage == Stage::ready && !after.routed_at && seen.routing == rollout::Routing::full) {
      after.routed_at = view.now;
      keep_longest(report.ready_to_routed_us,
                   micros_between(after.ready_at.value_or(view.now), view.now));
    }
    if (after == seen.recorded) continue;
    if (state.is_rolling_out()) note_times(report, seen.recorded, after);
    changed.push_back(std::move(after));
  }
  for (const rollout::StartInstance& start : decision.starts) {
    changed.push_back(started(state, start, view.now));
    if (state.is_rolling_out()) note_start(report, changed.back());
    ++report.instances_started;
  }
  return changed;
}

bool same_but_for_seconds(const std::string& left, const std::string& right) {
  const auto without_digits = [](std::string text) {
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    return text;
  };
  return without_digits(left) == without_digits(right);
}

// What a step ended with stays when the next one's begins.
void keep_evidence(model::Rollout& after, const std::optional<model::Evidence>& evidence) {
  const bool next = after.evidence && evidence && after.evidence->step != evidence->step;
  if (next && after.earlier.size() < after.plan.steps.size()) {
    after.earlier.push_back(*std::move(after.evidence));
  }
  after.evidence = evidence;
}

// Limits that were fixed must stay fixed, also while nothing else happens: in a pause.  So must
// since when which side is called.
bool is_evidence_due(const ServiceState& state, const rollout::View& view,
                     const rollout::Decision& decision) {
  const std::optional<model::Evidence>& before = state.rollout->evidence;
  if (before == decision.evidence) return false;
  if (!before || !decision.evidence || before->called != decision.evidence->called) return true;
  return view.now - state.evidence_at >= k_evidence_interval;
}

void record_rollout(const ServiceState& state, const rollout::View& view,
                    const rollout::Decision& decision, model::Report report, Recording& recording) {
  model::Rollout after = *state.rollout;
  const bool progressed = !recording.rows.instances.empty() || decision.phase != after.phase ||
                          decision.step != after.step || decision.baking_at != after.baking_at;
  // What a serve that has just taken over waits for is mostly to know what is there.
  const bool finds_its_feet = view.now - view.watched_since < k_why_interval;
  const bool why_due = after.why != decision.why &&
                       (view.now - state.why_at >= k_why_interval ||
                        (!same_but_for_seconds(after.why, decision.why) && !finds_its_feet));
  const bool lacks_room = decision.lacks_room || state.lacks_room();
  const bool evidence_due = is_evidence_due(state, view, decision);
  const bool room_turned = after.lacks_room != lacks_room;
  const bool mark_due = state.window && !state.window->is_stored;
  const bool due = progressed || why_due || room_turned || mark_due;
  if (!due && !evidence_due) return;
  recording.evidence_alone = !due;

  after.why = decision.why;
  after.reason = decision.reason;
  after.step = decision.step;
  after.baking_at = decision.baking_at;
  keep_evidence(after, decision.evidence);
  after.lacks_room = lacks_room;
  after.report = std::move(report);
  if (progressed) after.progress_at = view.now;
  if (decision.phase != after.phase) {
    after.phase = decision.phase;
    after.phase_at = view.now;
    // What turned round by itself is on its way back whether it was paused or not.
    if (decision.phase == Phase::rolling_back) model::end_pause(after.orders, view.now);
    after.report.phases.push_back({.phase = decision.phase, .begin = view.now});
    if (model::is_terminal(after.phase)) {
      after.ended_at = view.now;
      recording.finished = true;
    }
    add_phase_events(state, after, recording.rows.events);
  }
  add_course_events(state, after, view.now, recording.rows.events);
  recording.rows.rollout = std::move(after);
}

// One row a decision, but for those that evidence alone came from: the next row's view has it.  Of
// a journal that is full by now only changes of the phase.
void add_journal(const ServiceState& state, const rollout::View& view,
                 const rollout::Decision& decision, Recording& recording) {
  const bool full =
      state.journal.rows >= k_journal_rows_max || state.journal.bytes >= k_journal_bytes_max;
  if ((full || recording.evidence_alone) && decision.phase == view.phase) return;
  recording.rows.journal.emplace(
      store::JournalRow{.rollout = state.rollout->id,
                        .at = view.now,
                        .view = to_json_text(rollout::to_json(view)),
                        .decision = to_json_text(rollout::to_json(decision))});
}

}  // namespace

Recording record_of(const ServiceState& state, const rollout::View& view,
                    const rollout::Decision& decision) {
  Recording recording;
  model::Report report = state.rollout ? state.rollout->report : model::Report();
  recording.rows.instances = changed_instances(state, view, decision, report);
  add_instance_events(state, recording.rows.instances, recording.rows.events);
  if (state.is_rolling_out()) record_rollout(state, view, decision, std::move(report), recording);

  const model::Rollout* newest = recording.rows.rollout ? &*recording.rows.rollout
                                 : state.rollout        ? &*state.rollout
                                                        : nullptr;
  model::Service service = service_after(state, newest, view, decision);
  if (!(service == state.service)) {
    add_status_events(state.service, service, view.now, recording.rows.events);
    recording.rows.service = std::move(service);
  }
  if (state.is_rolling_out() && !recording.empty()) {
    add_journal(state, view, decision, recording);
  }
  return recording;
}

}  // namespace hitless::control
