#include "cli/rollout_events.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "cli/render_report.h"

namespace hitless::cli {
namespace {

using std::chrono::steady_clock;

// A serve that was killed is back within a second where something looks after it; a minute is what
// a person takes to start it again.
constexpr Duration k_serve_patience = std::chrono::seconds(60);
constexpr Duration k_connect_again = std::chrono::milliseconds(200);

// Where serve does not say when a report is whole: it counts 5 s of traffic after a rollout, and
// not at all when the next change begins before.
constexpr std::int64_t k_after_wait_ms = 10'000;
constexpr std::int64_t k_end_wait_ms = 500;

// How often something is shown while a stream is read.
constexpr Duration k_show_every = std::chrono::milliseconds(100);

bool is_whole(const json::object& rollout) {
  const json::value* ended = rollout.if_contains("ended");
  if (ended == nullptr || !ended->is_bool() || !ended->get_bool()) return false;
  const json::object& report = object_or_empty(rollout, "report");
  if (report.contains("after") || text_or_empty(rollout, "phase") == "superseded") return true;
  const std::int64_t requests = int_or_zero(object_or_empty(report, "before"), "requests") +
                                int_or_zero(object_or_empty(report, "during"), "requests");
  return now_ms() >
         int_or_zero(rollout, "ended_at") + (requests == 0 ? k_end_wait_ms : k_after_wait_ms);
}

bool is_loss(const Error& error) {
  return error.code() == Code::unavailable || error.code() == Code::timeout;
}

bool is_refusal(const Error& error) {
  return error.code() == Code::unauthenticated || error.code() == Code::forbidden;
}

}  // namespace

Result<std::optional<RolloutEvent>> RolloutEvents::next(Duration patience) {
  if (!stream_ && !asks_) HL_TRY(open(patience));
  if (stream_) return read(patience);
  if (asks_) return ask(patience);
  return std::optional<RolloutEvent>();
}

Result<void> RolloutEvents::open(Duration patience) {
  auto opened = session_.api.events(path_ + "/events", last_id_);
  if (opened) {
    stream_ = std::move(*opened);
    lost_at_.reset();
    return {};
  }
  if (is_loss(opened.error())) return bear(opened.error(), patience);
  if (is_refusal(opened.error())) return opened.error();
  // An older serve, or more streams than it wants; whether there is such a rollout is told to
  // whoever asks.
  asks_ = true;
  ask_at_ = steady_clock::now();
  return {};
}

Result<void> RolloutEvents::bear(const Error& error, Duration patience) {
  const auto now = steady_clock::now();
  if (!lost_at_) lost_at_ = now;
  if (now - *lost_at_ > k_serve_patience) return error;
  std::this_thread::sleep_for(std::min(k_connect_again, patience));
  return {};
}

Result<std::optional<RolloutEvent>> RolloutEvents::read(Duration patience) {
  const auto event = stream_->next(patience);
  if (event && event->has_value()) {
    last_id_ = stream_->last_id();
    const Result<json::value> data = parse_json((*event)->data);
    if (!data || !data->is_object()) return Error(Code::corrupt, "an event that is no object");
    return std::optional<RolloutEvent>({(*event)->type, data->get_object()});
  }
  if (event && !stream_->ended()) return std::optional<RolloutEvent>();
  // Cut, or ended without its last event: serve was killed or stopped.
  stream_.reset();
  if (!lost_at_) lost_at_ = steady_clock::now();
  return std::optional<RolloutEvent>();
}

Result<std::optional<RolloutEvent>> RolloutEvents::ask(Duration patience) {
  const auto now = steady_clock::now();
  if (now < ask_at_) {
    std::this_thread::sleep_for(
        std::min<Duration>(patience, std::chrono::ceil<Duration>(ask_at_ - now)));
    return std::optional<RolloutEvent>();
  }
  Result<json::object> rollout = session_.api.get(path_);
  ask_at_ = now + session_.io.ask_every;
  if (!rollout && is_loss(rollout.error())) {
    HL_TRY(bear(rollout.error(), patience));
    return std::optional<RolloutEvent>();
  }
  if (!rollout) return rollout.error();
  lost_at_.reset();
  const char* type = is_whole(*rollout) ? "end" : "state";
  return std::optional<RolloutEvent>({type, std::move(*rollout)});
}

void wait_for_news(Session& session, const std::string& path, const std::function<void()>& show) {
  const auto until = steady_clock::now() + session.io.ask_every;
  const auto stream = session.api.events(path, "");
  bool first = true;  // it is the state as it was
  while (stream) {
    const auto event = (*stream)->next(k_show_every);
    show();
    if (!event || (*stream)->ended()) break;
    if (event->has_value() && !std::exchange(first, false)) return;
  }
  while (steady_clock::now() < until) {
    show();
    std::this_thread::sleep_for(std::min<Duration>(
        k_show_every,
        std::max(Duration(0), std::chrono::ceil<Duration>(until - steady_clock::now()))));
  }
}

}  // namespace hitless::cli
