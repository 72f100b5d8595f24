// A Feed is what a stream of events tells: the present state of one thing, made once for all who
// read it, whenever control says that it may have changed and somebody asks.
//
// Owner: the streams that read it.  Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/errors.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/thread_annotations.h"
#include "control/port.h"
#include "net/http_stream.h"

namespace hitless::api {

// What there is to tell at one moment.
struct Told {
  json::object state{};               // told when it differs from the one before
  json::object moment{};              // goes with it, and is no difference
  std::optional<json::object> end{};  // it is over, and nothing more is told
  Duration again{};                   // look then, though nobody says so; 0: no need
};

class Feed {
 public:
  // Reads the thing as it is; it may block.
  using Look = std::function<Result<Told>(Time now)>;

  Feed(control::Port& port, const model::ServiceId& service, Look look);

  // The newest state as the text of its event, what ends the stream, and when to ask again.
  struct Answer {
    std::uint64_t number = 0;                 // rises with every difference; 0: there is none yet
    std::shared_ptr<const std::string> text;  // of that number
    std::shared_ptr<const std::string> end;   // null: it goes on, unless it is the last
    bool last = false;
    Duration again{};  // 0: when woken
  };
  Answer ask();

  // Wakes `reader` whenever control says so, until it is forgotten.
  void wake(const net::HttpStream* reader, net::HttpStream::Wake wake);
  void forget(const net::HttpStream* reader);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void on_change();
  void renew(SteadyTime now) HL_REQUIRES(look_mutex_);
  void take(Told told, Time now) HL_REQUIRES(look_mutex_);

  const Look look_;

  Mutex look_mutex_;
  Answer answer_ HL_GUARDED_BY(look_mutex_);
  json::object state_ HL_GUARDED_BY(look_mutex_);
  std::int64_t id_ HL_GUARDED_BY(look_mutex_) = 0;
  SteadyTime looked_at_ HL_GUARDED_BY(look_mutex_);
  std::optional<SteadyTime> again_at_ HL_GUARDED_BY(look_mutex_);

  Mutex readers_mutex_;
  bool stale_ HL_GUARDED_BY(readers_mutex_) = true;
  std::map<const net::HttpStream*, net::HttpStream::Wake> readers_ HL_GUARDED_BY(readers_mutex_);

  std::unique_ptr<control::Watch> watch_;  // last: it calls on_change()
};

// The feeds that somebody reads, by name.  Owner: the handler.  Any thread.
class Feeds {
 public:
  std::shared_ptr<Feed> find_or_make(const std::string& name,
                                     const std::function<std::shared_ptr<Feed>()>& make);

 private:
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<Feed>> feeds_ HL_GUARDED_BY(mutex_);
};

// An answer that tells the feed's states one after the other and ends with it.
net::HttpResponse stream_of(std::shared_ptr<Feed> feed);

}  // namespace hitless::api
