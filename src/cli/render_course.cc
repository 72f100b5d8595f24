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
  const json::object& evidence = object_or_empty(rollout, "evidence");
  if (evidence.empty()) return {};
  std::string out =
      fmt::format("verdict {}: {}\n", paint_word(io, text_or_empty(evidence, "verdict")),
                  text_or_empty(evidence, "text"));
  Table table({"MEASURE", ">OLD SIDE", ">NEW SIDE", "VERDICT", "WHAT"});
  bool measured = false;
  for (const json::value& value : array_or_empty(evidence, "measures")) {
    if (!value.is_object()) continue;
    const json::object& each = value.get_object();
    if (int_or_zero(each, "old_total") == 0 && int_or_zero(each, "new_total") == 0) continue;
    measured = true;
    table.add({text_or_empty(each, "name"), share_text(each, "old_events", "old_total"),
               share_text(each, "new_events", "new_total"), text_or_empty(each, "verdict"),
               text_or_empty(each, "what")});
  }
  return measured ? out + table.text() : out;
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
