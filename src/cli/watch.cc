#include "cli/watch.h"

#include <fmt/format.h>

#include <ostream>

#include "cli/cli.h"
#include "cli/live_view.h"
#include "cli/render_report.h"
#include "cli/rollout_events.h"
#include "cli/text.h"
#include "cli/wait_line.h"

namespace hitless::cli {
namespace {

// The view's seconds move on though nothing else does.
constexpr Duration k_tick = std::chrono::seconds(1);
// A line on its loss comes when serve is not back at once.
constexpr Duration k_loss_patience = std::chrono::milliseconds(500);

std::string loss_text(std::chrono::steady_clock::time_point since) {
  return fmt::format("hitless serve does not answer since {}: waiting for it",
                     human_clock(now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(
                                                std::chrono::steady_clock::now() - since)
                                                .count()));
}

void print_event(const Session& session, const RolloutEvent& event) {
  json::object line{{"event", event.type}};
  for (const auto& [name, value] : event.data) line[name] = value;
  session.io.out << to_json_text(line) << "\n" << std::flush;
}

}  // namespace

int exit_of(const json::object& rollout) {
  const std::string phase = text_or_empty(rollout, "phase");
  if (phase == "succeeded") return k_exit_ok;
  if (phase == "rolled_back") return k_exit_rolled_back;
  return phase == "failed" ? k_exit_failed : k_exit_error;  // superseded: somebody else took over
}

Result<std::string> newest_rollout(Session& session, const std::string& path) {
  HL_TRY_ASSIGN(const json::object page, session.api.get(path + "/rollouts?limit=1"));
  const json::array& rows = array_or_empty(page, "rollouts");
  if (rows.empty() || !rows.front().is_object()) return std::string();
  return text_or_empty(rows.front().get_object(), "rollout_id");
}

Result<int> watch_rollout(Session& session, const std::string& rollout_id, Lines lines) {
  LiveView view(session.io);
  RolloutEvents events(session, rollout_id);
  json::object state;
  for (;;) {
    HL_TRY_ASSIGN(auto event, events.next(k_tick));
    if (event) state = event->data;
    if (event && session.json && lines == Lines::each_event) print_event(session, *event);
    if (event && event->type == "end") break;
    if (session.json || state.empty()) continue;
    const auto lost = events.lost_since();
    const bool tell = lost && std::chrono::steady_clock::now() - *lost > k_loss_patience;
    view.show(state, tell ? loss_text(*lost) : std::string());
  }
  view.finish(state);
  if (!session.json) session.io.out << render_report(session.io, state);
  if (session.json && lines == Lines::the_end) print_json(session, state);
  return exit_of(state);
}

Result<void> wait_until_gone(Session& session, const std::string& path) {
  WaitLine line(session, "draining and stopping");
  for (;;) {
    const Result<json::object> service = session.api.get(path);
    if (!service && service.error().code() == Code::not_found) return {};
    if (!service) return service.error();
    wait_for_news(session, path + "/events/stream", [&line] { line.show(); });
  }
}

}  // namespace hitless::cli
