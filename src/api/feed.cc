#include "api/feed.h"

#include <algorithm>

#include "api/limits.h"
#include "base/log.h"
#include "net/event_stream.h"

namespace hitless::api {
namespace {

using std::chrono::steady_clock;

// Readers that lose their connection come back this soon.
constexpr std::string_view k_retry = "retry: 1000\n\n";

std::string event_text(std::string_view type, const json::object& data, std::int64_t id) {
  return net::to_stream_text(
      {.type = std::string(type), .data = to_json_text(data), .id = std::to_string(id)});
}

// What is left from `now`, and never nothing: 0 means that there is nothing to wait for.
Duration until(steady_clock::time_point then, steady_clock::time_point now) {
  return std::max(Duration(1), std::chrono::ceil<Duration>(then - now));
}

// One reader's answer.
class FeedStream final : public net::HttpStream {
 public:
  explicit FeedStream(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
  ~FeedStream() override { feed_->forget(this); }
  FeedStream(const FeedStream&) = delete;
  FeedStream& operator=(const FeedStream&) = delete;

  void open(Wake wake) override { feed_->wake(this, std::move(wake)); }

  net::HttpPiece next() override {
    const auto now = steady_clock::now();
    const Feed::Answer answer = feed_->ask();
    net::HttpPiece piece;
    if (!began_) piece.bytes = k_retry;
    began_ = true;
    if (answer.number != told_) {
      piece.bytes += *answer.text;
      told_ = answer.number;
    } else if (answer.end == nullptr && now >= heartbeat_at_) {
      piece.bytes += net::stream_heartbeat();
    }
    if (answer.end != nullptr) piece.bytes += *answer.end;
    if (!piece.bytes.empty()) heartbeat_at_ = now + k_stream_heartbeat;
    piece.last = answer.last;
    piece.pause = k_stream_pause;
    piece.patience = until(heartbeat_at_, now);
    if (answer.again > Duration(0)) {
      piece.pause = std::min(piece.pause, answer.again);
      piece.patience = std::min(piece.patience, answer.again);
    }
    return piece;
  }

 private:
  const std::shared_ptr<Feed> feed_;
  bool began_ = false;
  std::uint64_t told_ = 0;
  steady_clock::time_point heartbeat_at_ = steady_clock::now() + k_stream_heartbeat;
};

}  // namespace

Feed::Feed(control::Port& port, const model::ServiceId& service, Look look)
    : look_(std::move(look)), watch_(port.watch(service, [this] { on_change(); })) {}

void Feed::on_change() {
  const MutexLock lock(readers_mutex_);
  stale_ = true;
  for (const auto& [reader, wake] : readers_) wake();
}

void Feed::wake(const net::HttpStream* reader, net::HttpStream::Wake wake) {
  const MutexLock lock(readers_mutex_);
  readers_[reader] = std::move(wake);
}

void Feed::forget(const net::HttpStream* reader) {
  const MutexLock lock(readers_mutex_);
  readers_.erase(reader);
}

Feed::Answer Feed::ask() {
  const MutexLock lock(look_mutex_);
  const SteadyTime now = steady_clock::now();
  const bool due = again_at_ && *again_at_ <= now;
  bool stale = false;
  {
    const MutexLock readers(readers_mutex_);
    stale = stale_;
    // What changes while it is being read is read again.
    if (now - looked_at_ >= k_stream_pause) stale_ = false;
  }
  if (!answer_.last && (stale || due)) {
    if (now - looked_at_ >= k_stream_pause) {
      renew(now);
    } else {
      again_at_ = looked_at_ + k_stream_pause;
    }
  }
  Answer answer = answer_;
  if (again_at_) answer.again = until(*again_at_, now);
  return answer;
}

void Feed::renew(SteadyTime now) {
  looked_at_ = now;
  again_at_.reset();
  const Time wall = SystemClock().now();
  Result<Told> told = look_(wall);
  if (told) {
    if (told->again > Duration(0)) again_at_ = now + told->again;
    return take(std::move(*told), wall);
  }
  if (told.error().code() == Code::not_found) {  // and was there: it is removed
    answer_.last = true;
    return;
  }
  log_warn("stream_not_read", {{"cause", told.error().text()}});
  again_at_ = now + k_stream_retry;
}

void Feed::take(Told told, Time now) {
  // Above those of an earlier serve, whose readers come back with them.
  const std::int64_t id = std::max(id_ + 1, to_millis(now));
  if (told.state != state_ || answer_.number == 0) {
    id_ = id;
    state_ = told.state;
    for (auto& [name, value] : told.moment) told.state[name] = std::move(value);
    ++answer_.number;
    answer_.text = std::make_shared<const std::string>(event_text("state", told.state, id_));
  }
  if (!told.end) return;
  id_ = std::max(id_ + 1, id);
  answer_.end = std::make_shared<const std::string>(event_text("end", *told.end, id_));
  answer_.last = true;
}

std::shared_ptr<Feed> Feeds::find_or_make(const std::string& name,
                                          const std::function<std::shared_ptr<Feed>()>& make) {
  const MutexLock lock(mutex_);
  std::shared_ptr<Feed> found = feeds_[name].lock();
  if (found) return found;
  found = make();
  feeds_[name] = found;
  std::erase_if(feeds_, [](const auto& row) { return row.second.expired(); });
  return found;
}

net::HttpResponse stream_of(std::shared_ptr<Feed> feed) {
  net::HttpResponse response;
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("X-Accel-Buffering", "no");  // nginx before it shall not collect it
  response.stream = std::make_shared<FeedStream>(std::move(feed));
  return response;
}

}  // namespace hitless::api
