#include "cli/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/render_report.h"
#include "cli/session.h"
#include "cli/text.h"

namespace hitless::cli {
namespace {

std::string headline(const Io& io, const json::object& rollout) {
  const std::string phase = text_or_empty(rollout, "phase");
  if (has_ended(rollout)) return paint_word(io, phase) + ": counting what follows";
  const std::string why = text_or_empty(rollout, "why");
  return why == phase ? paint_word(io, phase) : paint_word(io, phase) + ": " + why;
}

const json::array& phases_of(const json::object& rollout) {
  const json::array& live = array_or_empty(rollout, "phases");
  return live.empty() ? array_or_empty(object_or_empty(rollout, "report"), "phases") : live;
}

// "[####....] 50 %, about 12 s left, 22 s at the most".
std::string bar(const json::object& rollout) {
  std::string out = progress_bar(static_cast<int>(int_or_zero(rollout, "percent")));
  const std::int64_t at = int_or_zero(rollout, "at");
  if (has_ended(rollout) || at == 0 || !rollout.contains("predicted_left_us")) return out;
  // The server's clock may be ahead of ours.
  const std::int64_t passed_ms = std::max<std::int64_t>(0, now_ms() - at);
  const auto seconds_left = [&](const char* field) {
    return std::max<std::int64_t>(0, int_or_zero(rollout, field) / 1000 - passed_ms + 999) / 1000;
  };
  const std::int64_t left = seconds_left("predicted_left_us");
  const std::int64_t most = seconds_left("predicted_left_most_us");
  if (left > 0) out += fmt::format(", about {} s left", left);
  if (most > left) out += fmt::format(", {} s{} at the most", most, left > 0 ? "" : " left");
  return out;
}

// Those that serve are the least of news: they come last, where the terminal may end.
json::array by_interest(json::array instances) {
  std::stable_partition(instances.begin(), instances.end(), [](const json::value& each) {
    return !each.is_object() || text_or_empty(each.get_object(), "state") != "routed";
  });
  return instances;
}

}  // namespace

void LiveView::show(const json::object& rollout, const std::string& note) {
  const std::string line = note.empty() ? headline(io_, rollout) : note;
  if (!io_.terminal) return print_lines(rollout, line);
  const std::string text =
      fmt::format("{}\n{}\n{}", line, bar(rollout),
                  instances_text(io_, by_interest(array_or_empty(rollout, "instances"))));
  const auto size_of = [](std::size_t (*size)()) { return size == nullptr ? 0 : size(); };
  // A line that the terminal broke in two would be two to go back, and what has left it at the top
  // cannot be gone back to.  The last line is the cursor's.
  const std::size_t rows = size_of(io_.rows);
  draw(cut_lines(cut_height(text, rows == 0 ? 0 : rows - 1), size_of(io_.columns)));
}

void LiveView::finish(const json::object& rollout) {
  if (!io_.terminal && !last_.empty()) print_lines(rollout, last_);
  clear();
}

// States may come so fast that phases between them are seen only here.
void LiveView::print_lines(const json::object& rollout, const std::string& line) {
  const json::array& phases = phases_of(rollout);
  if (last_.empty() && has_ended(rollout)) phases_shown_ = phases.size();  // its report tells them
  for (; phases_shown_ + 1 < phases.size(); ++phases_shown_) {
    const json::object& each = phases[phases_shown_].get_object();
    const std::string phase = text_or_empty(each, "phase");
    const bool was_shown = last_ == phase || last_.starts_with(phase + ":");
    if (!was_shown) {
      io_.out << human_clock(int_or_zero(each, "begin")) << " " << phase << "\n" << std::flush;
    }
  }
  if (line != last_) io_.out << human_clock(now_ms()) << " " << line << "\n" << std::flush;
  last_ = line;
}

void LiveView::draw(const std::string& text) {
  if (text == last_) return;
  clear();
  io_.out << text << std::flush;
  last_ = text;
}

void LiveView::clear() {
  if (!io_.terminal || last_.empty()) return;
  const auto lines = std::count(last_.begin(), last_.end(), '\n');
  io_.out << fmt::format("\x1b[{}A\r\x1b[J", lines) << std::flush;
  last_.clear();
}

std::string instances_text(const Io& io, const json::array& instances) {
  Table table({"INSTANCE", "STATE", ">REVISION", ">IN FLIGHT", "SINCE", "DETAIL"});
  for (const json::value& value : instances) {
    const json::object& each = value.get_object();
    std::string detail = text_or_empty(each, "detail");
    if (detail.empty() && text_or_empty(each, "circuit") == "open") {
      detail = "does not answer, its circuit is open";
    }
    const std::int64_t streams = int_or_zero(each, "streams");
    if (detail.empty() && streams > 0 && text_or_empty(each, "state") == "draining") {
      detail = streams == 1 ? "a stream goes on" : fmt::format("{} streams go on", streams);
    }
    table.add({text_or_empty(each, "instance_id"), paint_word(io, text_or_empty(each, "state")),
               fmt::format("{}", int_or_zero(each, "revision")),
               human_count(int_or_zero(each, "in_flight")),
               human_ago(int_or_zero(each, "stage_at"), now_ms()), detail});
  }
  return table.text();
}

}  // namespace hitless::cli
