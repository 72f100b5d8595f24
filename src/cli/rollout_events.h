// The states of a rollout as they come: from its stream of events, over restarts of serve; asked
// for again and again only where the stream cannot be had.
//
// Owner: the command that watches; one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/session.h"
#include "net/event_client.h"

namespace hitless::cli {

struct RolloutEvent {
  std::string type;  // "state"; "end": it is over and its report is whole
  json::object data;
};

class RolloutEvents {
 public:
  RolloutEvents(Session& session, std::string rollout)
      : session_(session), path_("/rollouts/" + std::move(rollout)) {}

  // nullopt: nothing new within `patience`.  unavailable: serve has been away for too long.
  Result<std::optional<RolloutEvent>> next(Duration patience);

  // While serve does not answer: since when.
  std::optional<std::chrono::steady_clock::time_point> lost_since() const { return lost_at_; }

 private:
  Result<void> open(Duration patience);
  Result<void> bear(const Error& error, Duration patience);
  Result<std::optional<RolloutEvent>> read(Duration patience);
  Result<std::optional<RolloutEvent>> ask(Duration patience);

  Session& session_;
  const std::string path_;
  std::unique_ptr<net::EventClient> stream_;
  std::string last_id_;
  bool asks_ = false;  // the stream cannot be had
  std::chrono::steady_clock::time_point ask_at_;
  std::optional<std::chrono::steady_clock::time_point> lost_at_;
};

// Waits until something is told on the stream at `path`, or for one turn of asking where it cannot
// be had.  `show` is called now and then.
void wait_for_news(Session& session, const std::string& path, const std::function<void()>& show);

}  // namespace hitless::cli
