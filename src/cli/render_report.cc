#include "cli/render_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "cli/text.h"

namespace hitless::cli {
namespace {

struct Row {
  std::string_view name;
  std::string_view member;
  std::string (*show)(std::int64_t);
  int status_class = 0;  // of by_class in place of the member; shown where there were some
};

constexpr std::array k_rows = {
    Row{"requests", "requests", human_count},
    Row{"ok", "ok", human_count},
    Row{"answered 4xx", "by_class", human_count, 4},
    Row{"answered 5xx", "by_class", human_count, 5},
    Row{"failed", "failed", human_count},
    Row{"retried", "retried", human_count},
    Row{"held", "held", human_count},
    Row{"longest hold", "held_longest_us", human_micros},
    Row{"streams", "streams", human_count},
    Row{"cut", "cut", human_count},
    Row{"left by clients", "client_gone", human_count},
    Row{"p50", "p50_us", human_micros},
    Row{"p99", "p99_us", human_micros},
};

constexpr std::array<std::string_view, 3> k_windows = {"before", "during", "after"};

std::int64_t value_of(const json::object& counts, const Row& row) {
  if (row.status_class == 0) return int_or_zero(counts, row.member);
  const json::array& by_class = array_or_empty(counts, row.member);
  const auto at = static_cast<std::size_t>(row.status_class);
  const bool counted = at < by_class.size() && by_class[at].is_number();
  return counted ? by_class[at].to_number<std::int64_t>() : 0;
}

bool is_shown(const json::object& report, const Row& row) {
  if (row.status_class == 0) return true;
  return std::any_of(k_windows.begin(), k_windows.end(), [&](std::string_view window) {
    return value_of(object_or_empty(report, window), row) > 0;
  });
}

std::string cell(const Io& io, const json::object& report, std::string_view window,
                 const Row& row) {
  const json::object& counts = object_or_empty(report, window);
  const bool is_time = row.show == human_micros;
  if (counts.empty() || (is_time && int_or_zero(counts, "requests") == 0)) return "-";
  const std::int64_t value = value_of(counts, row);
  std::string text = row.show(value);
  const bool bad = value > 0 && (row.member == "failed" || row.member == "cut");
  return bad ? paint(io, Colour::red, text) : text;
}

bool has_traffic(const json::object& report) {
  return std::any_of(k_windows.begin(), k_windows.end(), [&report](std::string_view window) {
    return int_or_zero(object_or_empty(report, window), "requests") > 0;
  });
}

std::string traffic_text(const Io& io, const json::object& rollout) {
  const json::object& report = object_or_empty(rollout, "report");
  if (!has_ended(rollout)) return "requests are counted at the end\n";
  if (!has_traffic(report)) return "no requests came\n";
  Table table({"", ">before", ">during", ">after"});
  for (const Row& row : k_rows) {
    if (!is_shown(report, row)) continue;
    std::vector<std::string> cells{std::string(row.name)};
    for (std::string_view window : k_windows) cells.push_back(cell(io, report, window, row));
    table.add(std::move(cells));
  }
  return table.text();
}

std::string phases_text(const json::object& report) {
  std::string out;
  for (const json::value& value : array_or_empty(report, "phases")) {
    if (!value.is_object() || !value.get_object().contains("duration_us")) continue;
    const json::object& phase = value.get_object();
    out.append(out.empty() ? "" : ", ")
        .append(text_or_empty(phase, "phase"))
        .append(" ")
        .append(human_micros(int_or_zero(phase, "duration_us")));
  }
  return out;
}

std::string micros_or_none(const json::object& report, std::string_view member) {
  const std::int64_t micros = int_or_zero(report, member);
  return micros == 0 ? std::string() : human_micros(micros);
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    out.append("  ").append(line).append("\n");
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return out;
}

}  // namespace

std::int64_t int_or_zero(const json::object& from, std::string_view name) {
  const Result<std::optional<std::int64_t>> value = find_int(from, name);
  return value ? value->value_or(0) : 0;
}

std::string text_or_empty(const json::object& from, std::string_view name) {
  const Result<std::optional<std::string>> value = find_string(from, name);
  return value ? value->value_or("") : std::string();
}

const json::object& object_or_empty(const json::object& from, std::string_view name) {
  static const json::object k_empty;
  const Result<const json::object*> value = find_object(from, name);
  return value && *value != nullptr ? **value : k_empty;
}

const json::array& array_or_empty(const json::object& from, std::string_view name) {
  static const json::array k_empty;
  const Result<const json::array*> value = find_array(from, name);
  return value && *value != nullptr ? **value : k_empty;
}

bool flag_or_false(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

bool has_ended(const json::object& rollout) {
  return flag_or_false(rollout, "ended");
}

std::string change_text(const json::object& change) {
  const std::string kind = text_or_empty(change, "kind");
  const std::int64_t from = int_or_zero(change, "from_revision");
  const std::int64_t to = int_or_zero(change, "to_revision");
  if (from == 0 || to == 0 || from == to) {
    return fmt::format("{} of revision {}", kind, to == 0 ? from : to);
  }
  return fmt::format("{} of revision {} to {}", kind, from, to);
}

std::string render_report(const Io& io, const json::object& rollout) {
  const json::object& report = object_or_empty(rollout, "report");
  std::string out = fmt::format("{}: {}\n", change_text(rollout),
                                paint_word(io, text_or_empty(rollout, "phase")));
  const std::string reason = text_or_empty(rollout, "reason");
  const std::string why = text_or_empty(rollout, "why");
  // What a rollout says at its end mostly holds the reason.
  if (why.find(reason) == std::string::npos) {
    out.append("  turned round: ").append(reason).append("\n");
  }
  if (!why.empty()) out.append("  ").append(why).append("\n");
  out.append("\n").append(indented(traffic_text(io, rollout))).append("\n");
  const std::int64_t ended = int_or_zero(rollout, "ended_at");
  const std::int64_t took_us = ended == 0 ? 0 : (ended - int_or_zero(rollout, "created_at")) * 1000;
  out.append(indented(pairs_text(
      {{"who", text_or_empty(rollout, "who")},
       {"took", took_us == 0 ? "" : human_micros(took_us)},
       {"phases", phases_text(report)},
       {"instances", fmt::format("{} started, {} failed", int_or_zero(report, "instances_started"),
                                 int_or_zero(report, "instances_failed"))},
       {"start to ready", micros_or_none(report, "start_to_ready_us")},
       {"ready to routed", micros_or_none(report, "ready_to_routed_us")},
       {"drain to stop", micros_or_none(report, "drain_to_stop_us")}})));
  const std::string timeline = timeline_text(rollout);
  if (!timeline.empty()) out.append("\n").append(indented(timeline));
  const std::string evidence = evidence_text(io, rollout);
  if (!evidence.empty()) out.append("\n").append(indented(evidence));
  return out;
}

}  // namespace hitless::cli
