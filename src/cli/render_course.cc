// What a rollout is at, what it was judged by, and each instance's way through it.
#include <fmt/format.h>

#include "cli/render_report.h"
#include "cli/text.h"

namespace hitless::cli {
namespace {

// "+1.2 s" after the beginning; empty when it did not come.
std::string offset(const json::object& from, std::string_view name, std::int64_t begin) {
  const std::int64_t at = int_or_zero(from, name);
  return at == 0 ? std::string() : "+" + human_micros((at - begin) * 1000);
}

std::string share_text(const json::object& measure, std::string_view events,
                       std::string_view total) {
  return fmt::format("{} of {}", human_count(int_or_zero(measure, events)),
                     human_count(int_or_zero(measure, total)));
}

// " of step 1 of 3 (10 %)"; nothing where there are none.
std::string step_text(const json::object& rollout, const json::object& evidence) {
  const json::array& steps = array_or_empty(object_or_empty(rollout, "plan"), "bake_steps");
  const auto step = static_cast<std::size_t>(int_or_zero(evidence, "step"));
  if (step >= steps.size() || !steps[step].is_object()) return "";
  return fmt::format(" of step {} of {} ({} %)", step + 1, steps.size(),
                     int_or_zero(steps[step].get_object(), "weight"));
}

// ", by 40 requests of the new side and 80 of the old": what was counted.
std::string sample_text(const json::object& evidence) {
  const json::array& measures = array_or_empty(evidence, "measures");
  if (measures.empty() || !measures[0].is_object()) return "";
  const json::object& errors = measures[0].get_object();
  const std::int64_t mine = int_or_zero(errors, "new_total") + int_or_zero(errors, "alone_total");
  if (mine == 0) return "";
  return fmt::format(", by {} requests of the new side and {} of the old", human_count(mine),
                     human_count(int_or_zero(errors, "old_total")));
}

void add_measure(const json::object& each, Table& table) {
  const auto add = [&](const std::string& name, std::string_view old_part,
                       std::string_view new_part) {
    const std::string old_total = fmt::format("{}_total", old_part);
    const std::string new_total = fmt::format("{}_total", new_part);
    if (int_or_zero(each, old_total) == 0 && int_or_zero(each, new_total) == 0) return;
    table.add({name, share_text(each, fmt::format("{}_events", old_part), old_total),
               share_text(each, fmt::format("{}_events", new_part), new_total),
               text_or_empty(each, "verdict"), text_or_empty(each, "what")});
  };
  const std::string name = text_or_empty(each, "name");
  add(name, "old", "new");
  if (int_or_zero(each, "alone_total") > 0) add(name + ", before and alone", "past", "alone");
}

std::string one_evidence(const Io& io, const json::object& rollout, const json::object& evidence) {
  std::string out = fmt::format("verdict{} {}{}: {}\n", step_text(rollout, evidence),
                                paint_word(io, text_or_empty(evidence, "verdict")),
                                sample_text(evidence), text_or_empty(evidence, "text"));
  Table table({"MEASURE", ">OLD SIDE", ">NEW SIDE", "VERDICT", "WHAT"});
  const std::size_t head = table.text().size();
  for (const json::value& value : array_or_empty(evidence, "measures")) {
    if (value.is_object()) add_measure(value.get_object(), table);
  }
  const std::string rows = table.text();
  return rows.size() > head ? out + rows : out;
}

}  // namespace

std::string course_text(const json::object& rollout) {
  std::string out = text_or_empty(rollout, "phase");
  const std::int64_t steps = int_or_zero(rollout, "steps");
  const std::int64_t step = int_or_zero(rollout, "step");
  if (steps > 0 && step < steps) out += fmt::format(", step {} of {}", step + 1, steps);
  const bool paused = flag_or_false(rollout, "paused");
  // A pause stops the clock: until when, nobody knows.
  if (rollout.contains("baking_until") && !has_ended(rollout) && !paused) {
    out += ", baking until " + human_clock(int_or_zero(rollout, "baking_until"));
  }
  if (paused) {
    out += ", paused since " + human_clock(int_or_zero(rollout, "paused_at"));
  }
  const std::string abort = text_or_empty(rollout, "abort");
  if (!abort.empty()) out += ", " + abort;
  return out;
}

std::string evidence_text(const Io& io, const json::object& rollout) {
  std::string out;
  for (const json::value& value : array_or_empty(rollout, "earlier_evidence")) {
    if (value.is_object()) out += one_evidence(io, rollout, value.get_object()) + "\n";
  }
  const json::object& evidence = object_or_empty(rollout, "evidence");
  return evidence.empty() ? out : out + one_evidence(io, rollout, evidence);
}

std::string timeline_text(const json::object& rollout) {
  const json::array& instances = array_or_empty(object_or_empty(rollout, "report"), "instances");
  if (instances.empty()) return {};
  const std::int64_t begin = int_or_zero(rollout, "created_at");
  Table table(
      {"INSTANCE", ">STARTED", ">READY", ">ROUTED", ">DRAINING", ">STOPPED", ">GONE", "ENDING"});
  for (const json::value& value : instances) {
    if (!value.is_object()) continue;
    const json::object& each = value.get_object();
    table.add({text_or_empty(each, "instance_id"), offset(each, "started_at", begin),
               offset(each, "ready_at", begin), offset(each, "routed_at", begin),
               offset(each, "drain_begun_at", begin), offset(each, "told_to_stop_at", begin),
               offset(each, "gone_at", begin), text_or_empty(each, "ending")});
  }
  return table.text();
}

}  // namespace hitless::cli
