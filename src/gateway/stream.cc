#include "gateway/stream.h"

#include <algorithm>

#include "gateway/exchange.h"
#include "gateway/worker.h"

namespace hitless::gateway {

using net::http1::is_name;
using net::http1::list_has;
using net::http1::same_text;

// Compressed events cannot be told apart.
Stream::Speaks Stream::speech_of(const net::http1::Head& answer) {
  constexpr std::string_view k_events = "text/event-stream";
  Speaks speaks = Speaks::other;
  for (std::size_t at = 0; at < answer.field_count; ++at) {
    const std::string_view name = answer.fields[at].name;
    const std::string_view value = answer.fields[at].value;
    if (is_name(name, "content-encoding") && !same_text(value, "identity")) return Speaks::other;
    if (is_name(name, "upgrade") && answer.status == 101 && list_has(value, "websocket")) {
      return Speaks::websocket;
    }
    if (!is_name(name, "content-type") || !same_text(value.substr(0, k_events.size()), k_events)) {
      continue;
    }
    const std::string_view rest = value.substr(k_events.size());
    if (rest.empty() || rest.front() == ';' || rest.front() == ' ') speaks = Speaks::events;
  }
  return speaks;
}

Stream::Stream(Worker& worker, Exchange& exchange, Endpoint& endpoint, const ServiceEntry& service,
               Speaks speaks)
    : worker_(worker),
      exchange_(exchange),
      endpoint_(endpoint),
      service_(service),
      timer_(worker.loop(), *this),
      began_(worker.loop().turn()),
      speaks_(speaks) {}

// One that begins late has its budget all the same.
void Stream::look() {
  if (is_parting_) return;
  const net::Instant since =
      std::min(endpoint_.retired ? endpoint_.retired_at : net::k_never, worker_.leaves_since());
  if (since == net::k_never) return timer_.clear();
  timer_.set(std::max(since, began_) + service_.traffic.stream_drain);
}

void Stream::expire() {
  if (!is_parting_) exchange_.on_stream_budget_over();
}

void Stream::begin_parting(const net::http1::Body& answer) {
  is_parting_ = true;
  events_.begin(answer);
  timer_.set(worker_.loop().turn() + worker_.limits().parting_patience);
}

std::size_t Stream::take(std::string_view wire) {
  switch (speaks_) {
    case Speaks::events: return events_.take(wire);
    case Speaks::websocket: return is_closing() ? wire.size() : answers_.rest_of_frame(wire);
    case Speaks::other: break;
  }
  return wire.size();
}

bool Stream::is_at_place() const {
  switch (speaks_) {
    case Speaks::events: return events_.is_at_end();
    case Speaks::websocket: return answers_.is_between() && !is_closing();
    case Speaks::other: break;
  }
  return false;
}

void Stream::on_timer(net::Timer&) {
  is_parting_ ? exchange_.on_parting_over() : expire();
}

}  // namespace hitless::gateway
