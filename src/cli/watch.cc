#include "cli/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>

#include "cli/cli.h"
#include "cli/render_report.h"
#include "cli/text.h"
#include "cli/wait_line.h"

namespace hitless::cli {
namespace {

// Later than that the traffic after the change is not waited for any more: serve looks at 5 s of
// it, and not at all when the next change begins before.
constexpr std::int64_t k_after_wait_ms = 10'000;
// What serve writes right after the end of the rollout may come one look later.
constexpr std::int64_t k_end_wait_ms = 500;

bool flag_of(const json::object& from, std::string_view name) {
  const json::value* value = from.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// How far a rollout is: of all instances that it starts and stops, those that are.
int percent_of(const json::object& rollout) {
  if (flag_of(rollout, "ended")) return 100;
  const json::object& plan = object_or_empty(rollout, "plan");
  const std::int64_t wanted =
      int_or_zero(plan, "instances_started") + int_or_zero(plan, "instances_stopped");
  if (wanted == 0) return 0;
  std::int64_t done = int_or_zero(plan, "instances_stopped");
  const std::string id = text_or_empty(rollout, "rollout_id");
  for (const json::value& value : array_or_empty(rollout, "instances")) {
    const json::object& each = value.get_object();
    const std::string state = text_or_empty(each, "state");
    if (text_or_empty(each, "rollout_id") == id) {
      done += state == "routed" ? 1 : 0;
    } else {
      done -= state != "gone" ? 1 : 0;
    }
  }
  return static_cast<int>(std::clamp<std::int64_t>(done * 100 / wanted, 0, 99));
}

std::string headline(const Io& io, const json::object& rollout) {
  const std::string phase = text_or_empty(rollout, "phase");
  if (flag_of(rollout, "ended")) return paint_word(io, phase) + ": counting what follows";
  const std::string why = text_or_empty(rollout, "why");
  return why == phase ? paint_word(io, phase) : paint_word(io, phase) + ": " + why;
}

// Prints each state of a rollout once.
class View {
 public:
  explicit View(const Io& io) : io_(io) {}

  void show(const json::object& rollout) {
    const std::string line = headline(io_, rollout);
    if (!io_.terminal) {
      if (line != last_) io_.out << human_clock(now_ms()) << " " << line << "\n" << std::flush;
      last_ = line;
      return;
    }
    // A line that the terminal broke in two would be two to go back.
    const std::string text =
        cut_lines(fmt::format("{}\n{}\n{}", line, progress_bar(percent_of(rollout)),
                              instances_text(io_, array_or_empty(rollout, "instances"))),
                  io_.columns == nullptr ? 0 : io_.columns());
    if (text == last_) return;
    clear();
    io_.out << text << std::flush;
    last_ = text;
  }

  // Takes the live view away, so that what follows stands in its place.
  void clear() {
    if (!io_.terminal || last_.empty()) return;
    const auto lines = std::count(last_.begin(), last_.end(), '\n');
    io_.out << fmt::format("\x1b[{}A\r\x1b[J", lines) << std::flush;
    last_.clear();
  }

 private:
  const Io& io_;
  std::string last_;
};

// Whether nothing more is to come.  What follows the change is counted for some seconds after it,
// which are worth the wait where somebody calls the service.
bool is_complete(const json::object& rollout) {
  if (!flag_of(rollout, "ended")) return false;
  const json::object& report = object_or_empty(rollout, "report");
  if (report.contains("after") || text_or_empty(rollout, "phase") == "superseded") return true;
  const std::int64_t requests = int_or_zero(object_or_empty(report, "before"), "requests") +
                                int_or_zero(object_or_empty(report, "during"), "requests");
  return now_ms() >
         int_or_zero(rollout, "ended_at") + (requests == 0 ? k_end_wait_ms : k_after_wait_ms);
}

}  // namespace

int exit_of(const json::object& rollout) {
  const std::string phase = text_or_empty(rollout, "phase");
  if (phase == "succeeded") return k_exit_ok;
  if (phase == "rolled_back") return k_exit_rolled_back;
  return phase == "failed" ? k_exit_failed : k_exit_error;  // superseded: somebody else took over
}

std::string instances_text(const Io& io, const json::array& instances) {
  Table table({"INSTANCE", "STATE", ">REVISION", ">IN FLIGHT", "SINCE", "DETAIL"});
  for (const json::value& value : instances) {
    const json::object& each = value.get_object();
    table.add({text_or_empty(each, "instance_id"), paint_word(io, text_or_empty(each, "state")),
               fmt::format("{}", int_or_zero(each, "revision")),
               human_count(int_or_zero(each, "in_flight")),
               human_ago(int_or_zero(each, "stage_at"), now_ms()), text_or_empty(each, "detail")});
  }
  return table.text();
}

Result<std::string> newest_rollout(Session& session, const std::string& path) {
  HL_TRY_ASSIGN(const json::object page, session.api.get(path + "/rollouts?limit=1"));
  const json::array& rows = array_or_empty(page, "rollouts");
  if (rows.empty() || !rows.front().is_object()) return std::string();
  return text_or_empty(rows.front().get_object(), "rollout_id");
}

Result<int> watch_rollout(Session& session, const std::string& rollout_id) {
  View view(session.io);
  for (;;) {
    HL_TRY_ASSIGN(const json::object rollout, session.api.get("/rollouts/" + rollout_id));
    if (!session.json) view.show(rollout);
    if (is_complete(rollout)) {
      view.clear();
      if (session.json) {
        print_json(session, rollout);
      } else {
        session.io.out << render_report(session.io, rollout);
      }
      return exit_of(rollout);
    }
    std::this_thread::sleep_for(session.io.poll_every);
  }
}

Result<int> watch_newest(Session& session, const std::string& path, const std::string& before) {
  HL_TRY_ASSIGN(const std::string newest, newest_rollout(session, path));
  if (!newest.empty() && newest != before) return watch_rollout(session, newest);
  if (session.json) {
    print_json(session, json::object());
  } else {
    session.io.out << "done: no instance had to change\n";
  }
  return k_exit_ok;
}

Result<void> wait_until_gone(Session& session, const std::string& path) {
  WaitLine line(session, "draining and stopping");
  for (;;) {
    const Result<json::object> service = session.api.get(path);
    if (!service && service.error().code() == Code::not_found) return {};
    if (!service) return service.error();
    line.show();
    std::this_thread::sleep_for(session.io.poll_every);
  }
}

}  // namespace hitless::cli
