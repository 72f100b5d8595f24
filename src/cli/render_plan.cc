#include "cli/render_plan.h"

#include <fmt/format.h>

#include "cli/render_report.h"
#include "cli/text.h"

namespace hitless::cli {
namespace {

std::string effect_of(const json::object& plan) {
  const std::int64_t started = int_or_zero(plan, "instances_started");
  const std::int64_t stopped = int_or_zero(plan, "instances_stopped");
  if (started == 0 && stopped == 0) return "no instance is touched";
  return fmt::format("{} started, {} stopped", started, stopped);
}

}  // namespace

std::string render_plan(const Io& io, const json::object& plan) {
  std::string out = fmt::format("Plan: {}\n", change_text(plan));
  std::string strategy = text_or_empty(plan, "strategy");
  if (const std::string reason = text_or_empty(plan, "reason"); !reason.empty()) {
    strategy += ": " + reason;
  }
  out += pairs_text({{"  strategy", strategy},
                     {"  instances", effect_of(plan)},
                     {"  hash", text_or_empty(plan, "plan_hash")}});
  const json::array& changes = array_or_empty(plan, "changes");
  if (changes.empty()) return out;
  Table table({"  CLASS", "FIELD", "FROM", "TO"});
  for (const json::value& value : changes) {
    const json::object& change = value.get_object();
    table.add({"  " + text_or_empty(change, "class"), text_or_empty(change, "field"),
               text_or_empty(change, "from"), text_or_empty(change, "to")});
  }
  return out + paint(io, Colour::plain, table.text());
}

}  // namespace hitless::cli
