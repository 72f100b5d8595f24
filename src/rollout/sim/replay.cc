#include "rollout/sim/replay.h"

#include <fmt/format.h>

#include "base/json.h"
#include "rollout/journal.h"

namespace hitless::rollout {
namespace {

// Takes the next line off; empty ones are none.
std::string_view take_line(std::string_view& text, int& number) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    if (line.find_first_not_of(" \r\t") != std::string_view::npos) return line;
  }
  return {};
}

struct Line {
  View view;
  Decision recorded;
};

Result<Line> read_line(std::string_view text, const model::Plan& plan) {
  HL_TRY_ASSIGN(const json::value value, parse_json(text));
  if (!value.is_object()) return Error(Code::invalid, "not an object");
  HL_TRY_ASSIGN(const json::object* view, get_object(value.get_object(), "view"));
  HL_TRY_ASSIGN(const json::object* decision, get_object(value.get_object(), "decision"));
  Line line;
  HL_TRY_ASSIGN(line.view, view_from_json(json::value(*view), plan));
  HL_TRY_ASSIGN(line.recorded, decision_from_json(json::value(*decision)));
  return line;
}

Result<model::Plan> read_head(std::string_view text) {
  HL_TRY_ASSIGN(const json::value value, parse_json(text));
  if (!value.is_object()) return Error(Code::invalid, "not an object");
  HL_TRY_ASSIGN(const json::object* plan, get_object(value.get_object(), "plan"));
  return model::plan_from_json(json::value(*plan));
}

std::string route_text(const model::ServiceRoute& route) {
  if (route.standing == model::Standing::stopped) return "stopped";
  if (route.shares.empty()) return "nothing is ready";
  std::string text;
  for (const model::Share& share : route.shares) {
    text += fmt::format("{}r{} weight {} on {}", text.empty() ? "" : ", ", share.revision,
                        share.weight, share.endpoints.size());
  }
  return text;
}

class Teller {
 public:
  void tell_plan(const model::Plan& plan) {
    out += fmt::format("{} of revision {} to {}, strategy {}\n", model::to_text(plan.kind),
                       plan.from, plan.to, to_text(plan.strategy));
  }

  void tell(const View& view, const Decision& decision) {
    if (begin_ == Time()) begin_ = view.now;
    const double at = std::chrono::duration<double>(view.now - begin_).count();
    out += fmt::format("{:>9.3f} s  {}: {}\n", at, phase_text(view, decision), decision.why);
    if (view.orders.paused_at) line("paused");
    if (!view.orders.abort.empty()) line("order: " + view.orders.abort);
    if (decision.step != view.step) line(fmt::format("step {} -> {}", view.step, decision.step));
    for (const MoveInstance& move : decision.moves) {
      line(fmt::format("{} {} -> {}{}", move.id.text(), stage_of(view, move.id),
                       model::to_text(move.stage),
                       move.detail.empty() ? "" : " (" + move.detail + ")"));
    }
    for (const StartInstance& start : decision.starts) line("start " + start.id.text());
    if (decision.evidence && decision.evidence != view.evidence) {
      line("evidence: " + decision.evidence->text);
    }
    if (!(decision.route == route_)) line("route: " + route_text(decision.route));
    route_ = decision.route;
  }

  void line(const std::string& text) { out += fmt::format("{:>13}{}\n", "", text); }

  std::string out;

 private:
  static std::string phase_text(const View& view, const Decision& decision) {
    if (view.phase == decision.phase) return std::string(model::to_text(view.phase));
    return fmt::format("{} -> {}", model::to_text(view.phase), model::to_text(decision.phase));
  }

  static std::string_view stage_of(const View& view, const model::InstanceId& id) {
    for (const InstanceView& each : view.instances) {
      if (each.recorded.id == id) return model::to_text(each.recorded.stage);
    }
    return "?";
  }

  Time begin_;
  model::ServiceRoute route_;
};

}  // namespace

Result<Replay> replay_journal(std::string_view lines) {
  int number = 0;
  const std::string_view head = take_line(lines, number);
  Result<model::Plan> plan = read_head(head);
  if (!plan) return plan.error().context("the first line is no journal's");
  Replay replay;
  Teller teller;
  teller.tell_plan(*plan);
  for (std::string_view text = take_line(lines, number); !text.empty();
       text = take_line(lines, number)) {
    const Result<Line> line = read_line(text, *plan);
    if (!line) return line.error().context(fmt::format("line {}", number));
    const Decision today = step(line->view);
    ++replay.decisions;
    teller.tell(line->view, line->recorded);
    const auto differs = differences(line->recorded, today);
    if (differs.empty()) continue;
    ++replay.different;
    for (const std::string& each : differs) teller.line("DIFFERS " + each);
  }
  teller.out +=
      fmt::format("{} decisions, {} of them other today\n", replay.decisions, replay.different);
  replay.transcript = std::move(teller.out);
  return replay;
}

}  // namespace hitless::rollout
