// Server-sent events as text (WHATWG HTML, "Server-sent events").  Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/limits.h"

namespace hitless::net {

struct Event {
  std::string type;  // "message" when the stream names none
  std::string data;  // its lines, joined by \n
  std::string id;    // the newest that the stream has named; empty: none yet
  friend bool operator==(const Event&, const Event&) = default;
};

// As it goes over the wire.  What would break the framing (a line end in type or id) is a defect of
// the caller.
std::string to_stream_text(const Event& event);

// A line that keeps the connection alive and means nothing.
std::string_view stream_heartbeat();

// Reads a stream, wherever the network cut it.
class EventParser {
 public:
  using Take = std::function<void(Event)>;

  explicit EventParser(std::size_t event_bytes_max = k_event_bytes_max)
      : event_bytes_max_(event_bytes_max) {}

  // Hands over each event that `bytes` complete.  exhausted: an event, or a line, is larger than
  // the limit; the stream cannot be read on.
  Result<void> put(std::string_view bytes, const Take& take);

  // How long a reader shall wait before it connects again, if the stream said so; else empty.
  const std::string& retry_millis() const { return retry_; }

 private:
  void end_line(const Take& take);
  void take_field(std::string_view name, std::string_view value);

  const std::size_t event_bytes_max_;
  std::string line_;  // so far
  bool line_is_first_ = true;
  bool after_cr_ = false;
  std::string type_;
  std::string data_;
  std::string id_;
  std::string retry_;
};

}  // namespace hitless::net
