// A client's connection as its worker sees it, whatever it speaks.
//
// Owner: the Worker, until remove().  Thread: the worker's.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "net/event_loop.h"

namespace hitless::gateway {

class Connection : public net::Handler {
 public:
  // Watches the descriptor and reads what is there already.
  virtual void start() = 0;
  // The worker takes no more requests: ends what idles at once, the rest once it is answered.
  virtual void drain() = 0;
  // Closes, whatever is in progress; exchanges are accounted as cut short by their client.
  virtual void shut() = 0;

  // Another process accepts from now on.  Does its client have to be told so at a moment of the
  // worker's choice?  Others hear it with their next answer.
  virtual bool parts_in_turn() const = 0;
  // Closes politely then, unless something is begun before.
  virtual void part_by(net::Instant deadline) = 0;

  // What the gateway waits for from this client, and since when; nullopt when it does not.  In the
  // order in which connections are given up for new ones.
  enum class Owed : std::uint8_t { head, next_request, body, reading };
  struct Wait {
    Owed owed = Owed::head;
    net::Instant since{};
    friend auto operator<=>(const Wait&, const Wait&) = default;
  };
  virtual std::optional<Wait> wait() const = 0;
  // Ends as at its deadline, and at once.
  virtual void give_up() = 0;

  std::size_t index = 0;  // Worker's own
};

}  // namespace hitless::gateway
