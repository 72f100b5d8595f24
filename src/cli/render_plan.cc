#include "cli/render_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/duration_text.h"
#include "cli/render_report.h"
#include "cli/text.h"

namespace hitless::cli {
namespace {

double number_or_zero(const json::object& from, std::string_view name) {
  const Result<std::optional<double>> value = find_number(from, name);
  return value ? value->value_or(0) : 0;
}

std::string time_text(double seconds) {
  return duration_text(Duration(std::llround(seconds * 1e6)));
}

struct Mark {
  char sign;
  Colour colour;
};

Mark mark_of(std::string_view action) {
  if (action == "add") return {'+', Colour::green};
  if (action == "remove") return {'-', Colour::red};
  if (action == "keep") return {' ', Colour::dim};
  return {'~', Colour::yellow};
}

std::string sign_text(const Io& io, const Mark& mark) {
  return mark.sign == ' ' ? " " : paint(io, mark.colour, std::string(1, mark.sign));
}

std::string arrow(const std::string& from, const std::string& to) {
  if (from.empty() || to.empty() || from == to) return from.empty() ? to : from;
  return from + " → " + to;
}

std::string counts_text(const json::object& entry) {
  std::string text;
  for (const auto& [member, word] :
       {std::pair("instances_started", "started"), std::pair("instances_stopped", "stopped"),
        std::pair("instances_kept", "kept")}) {
    const std::int64_t count = int_or_zero(entry, member);
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
  }
  return text;
}

std::string path_of_entry(const json::object& entry) {
  const std::string_view member = entry.contains("entry") ? "entry" : "entry_before";
  return fmt::format("config[{}]", int_or_zero(entry, member));
}

std::string named(const json::object& change, std::string_view side) {
  const std::string name = text_or_empty(change, std::string(side) + "_name");
  return name.empty() ? text_or_empty(change, side) : name;
}

// One changed field; "" for entries that come or go whole: their own line says so.
void add_change(const Io& io, const json::object& change, const std::string& path, Table& table) {
  const std::string field = text_or_empty(change, "field");
  if (field == path) return;
  const std::string from = named(change, "from");
  const std::string to = named(change, "to");
  const Mark mark = mark_of(from.empty() ? "add" : to.empty() ? "remove" : "replace");
  const std::string shown = path.empty() ? field : field.substr(path.size() + 1);
  table.add({fmt::format("{}{} {}", path.empty() ? "  " : "      ", sign_text(io, mark), shown),
             arrow(from, to), paint(io, Colour::dim, text_or_empty(change, "class"))});
}

bool belongs(const std::string& field, const std::string& path) {
  return field == path || field.starts_with(path + ".");
}

// The new configuration's entries first, each with its changed fields, then what is of the service.
std::string changes_text(const Io& io, const json::object& plan) {
  const json::array& changes = array_or_empty(plan, "changes");
  Table table({"", "", ""});
  std::vector<bool> told(changes.size(), false);
  for (const json::value& value : array_or_empty(plan, "entries")) {
    const json::object& entry = value.get_object();
    const std::string action = text_or_empty(entry, "action");
    const std::string path = path_of_entry(entry);
    table.add({fmt::format("  {} {}", sign_text(io, mark_of(action)), path),
               arrow(text_or_empty(entry, "model_before"), text_or_empty(entry, "model")),
               fmt::format("{}: {}", action, counts_text(entry))});
    for (std::size_t at = 0; at < changes.size(); ++at) {
      const json::object& change = changes[at].get_object();
      const bool dropped = action == "remove" && text_or_empty(change, "field") != path;
      if (told[at] || dropped || !belongs(text_or_empty(change, "field"), path)) continue;
      told[at] = true;
      add_change(io, change, path, table);
    }
  }
  for (std::size_t at = 0; at < changes.size(); ++at) {
    if (!told[at]) add_change(io, changes[at].get_object(), "", table);
  }
  std::string text = table.text();
  return text.substr(text.find('\n') + 1);  // without the empty heads
}

std::string steps_text(const json::object& plan) {
  std::string text;
  int number = 0;
  for (const json::value& step : array_or_empty(plan, "steps")) {
    text += fmt::format("  {:>2}. {}\n", ++number, std::string_view(step.get_string()));
  }
  return text;
}

// "" where nothing starts, or the summary names the time.
std::string unknown_time_text(const json::object& plan) {
  std::int64_t started = 0;
  for (const json::value& value : array_or_empty(plan, "entries")) {
    started += int_or_zero(value.get_object(), "instances_started");
  }
  const bool known = number_or_zero(plan, "predicted_seconds") > 0;
  return known || started == 0 ? "" : "not known: what starts has not been started here before";
}

std::string expectations_text(const Io& io, const json::object& plan) {
  std::string strategy = paint(io, Colour::bold, text_or_empty(plan, "strategy"));
  const std::string reason = text_or_empty(plan, "reason");
  if (!reason.empty()) strategy += ": " + reason;
  const double hold = number_or_zero(plan, "longest_hold_seconds");
  const double limit = number_or_zero(plan, "hold_seconds");
  const std::string parked =
      limit == 0
          ? ""
          : fmt::format("requests wait {}at most {}",
                        hold == 0 ? "" : "about " + time_text(hold) + ", ", time_text(limit));
  return pairs_text(
      {{"  strategy", strategy},
       {"  capacity", fmt::format("{} serve at the low point, {} run at the high point",
                                  int_or_zero(plan, "lowest"), int_or_zero(plan, "highest"))},
       {"  hold", parked},
       {"  time", unknown_time_text(plan)},
       {"  hash", text_or_empty(plan, "plan_hash")}});
}

std::string unmet_text(const Io& io, const json::object& plan) {
  std::string text;
  for (const json::value& sentence : array_or_empty(plan, "unmet")) {
    text += fmt::format("  {} {}\n", paint(io, Colour::yellow, "!"),
                        std::string_view(sentence.get_string()));
  }
  const json::object& met = object_or_empty(plan, "under_way");
  if (!met.empty()) {
    text += fmt::format("  {} {}\n", paint(io, Colour::yellow, "!"), text_or_empty(met, "notice"));
  }
  return text.empty() ? text : "\n" + text;
}

// What comes of the change now: exactly this plan, one made when its turn comes, or a refusal.
std::string command_text(const json::object& plan, const std::string& update) {
  const std::string overlap = text_or_empty(object_or_empty(plan, "under_way"), "overlap");
  if (update.empty() || overlap == "refuse") return {};
  if (overlap == "queue") return fmt::format("\nLet it wait for its turn:\n  {}\n", update);
  return fmt::format("\nApply exactly this plan:\n  {} --plan {}\n", update,
                     text_or_empty(plan, "plan_hash"));
}

}  // namespace

std::string plan_summary(const Io& io, const json::object& plan) {
  std::int64_t replaced = 0;
  std::int64_t added = 0;
  std::int64_t removed = 0;
  for (const json::value& value : array_or_empty(plan, "entries")) {
    const std::int64_t started = int_or_zero(value.get_object(), "instances_started");
    const std::int64_t stopped = int_or_zero(value.get_object(), "instances_stopped");
    const std::int64_t both = std::min(started, stopped);
    replaced += both;
    added += started - both;
    removed += stopped - both;
  }
  added += int_or_zero(plan, "instances_restarted");
  for (const json::value& value : array_or_empty(plan, "leftovers")) {
    removed += int_or_zero(value.get_object(), "count");
  }
  const auto part = [&](Colour colour, std::int64_t count, std::string_view what) {
    return paint(io, count == 0 ? Colour::plain : colour, fmt::format("{} to {}", count, what));
  };
  std::string text = fmt::format(
      "{} {}, {}, {}", paint(io, Colour::bold, "Plan:"), part(Colour::yellow, replaced, "replace"),
      part(Colour::green, added, "add"), part(Colour::red, removed, "remove"));
  const std::string strategy = text_or_empty(plan, "strategy");
  if (strategy != "none" && !strategy.empty()) text += " · " + strategy;
  const bool hitless = flag_or_false(plan, "hitless");
  text += " · " +
          paint(io, hitless ? Colour::green : Colour::yellow, hitless ? "hitless" : "not hitless");
  const double predicted = number_or_zero(plan, "predicted_seconds");
  if (predicted > 0) text += " · about " + time_text(predicted);
  const double most = number_or_zero(plan, "predicted_most_seconds");
  if (predicted > 0 && most > predicted) text += ", up to " + time_text(most) + " with its proof";
  return text + "\n";
}

std::string render_plan(const Io& io, const json::object& plan, const std::string& update) {
  std::string out = paint(io, Colour::bold, change_text(plan)) + "\n";
  const std::string changes = changes_text(io, plan);
  out += changes;
  if (array_or_empty(plan, "changes").empty()) out += "  nothing changes\n";
  for (const json::value& member : array_or_empty(plan, "ignored")) {
    out += fmt::format("  {} [{}] is ignored\n", paint(io, Colour::yellow, "!"),
                       std::string_view(member.get_string()));
  }
  out += "\n" + expectations_text(io, plan);
  if (const std::string steps = steps_text(plan); !steps.empty()) out += "\n" + steps;
  out += unmet_text(io, plan) + "\n" + plan_summary(io, plan);
  return out + command_text(plan, update);
}

}  // namespace hitless::cli
