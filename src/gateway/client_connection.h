// One client's connection: reads requests one after the other, sends answers in order.
//
// Owner: its Worker.  Thread: the worker's.  It has at most one Exchange at a time; a pipelined
// request waits, unread or in a small buffer, until the one before is over.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/answers.h"
#include "gateway/token_memory.h"
#include "net/event_loop.h"
#include "net/http1.h"

namespace hitless::gateway {

class Exchange;
class Worker;

class ClientConnection final : public net::Handler {
 public:
  ClientConnection(Worker& worker, UniqueFd fd, std::string peer);
  ~ClientConnection() override;

  // Watches the descriptor and reads what is there already.
  void start();
  // Nothing is in progress: closing loses nothing.
  bool idle() const { return exchange_ == nullptr && in_.empty() && out_.empty(); }
  // What the gateway waits for from this client, and since when; nullopt when it does not.  In the
  // order in which connections are given up for new ones.
  enum class Owed : std::uint8_t { head, next_request, body, reading };
  struct Wait {
    Owed owed = Owed::head;
    net::Instant since{};
    friend auto operator<=>(const Wait&, const Wait&) = default;
  };
  std::optional<Wait> wait() const;
  // Ends as at its deadline, and at once.
  void give_up();
  // Closes politely then, unless something is begun before.
  void part_by(net::Instant deadline);
  // Closes, whatever is in progress; an exchange is accounted as cut short by its client.
  void shut();

  const std::string& peer() const { return peer_; }
  // A token that this connection sent before is only compared.
  bool is_token_valid(std::string_view token);

  // For the exchange.  send() takes all of it: what the kernel refuses is kept and has_unsent()
  // until on_client_drained(); false when the client is gone.
  bool send(std::string_view first, std::string_view second);
  bool has_unsent() const { return !out_.empty(); }
  void resume();  // it wants body again
  void set_deadline(net::Instant deadline) { timer_.set(deadline); }
  void expect_body();
  void clear_deadline() { timer_.clear(); }
  // linger: read on and drop until the client has the answer.  reset: the client must notice that
  // the answer is not whole.
  enum class After { next_request, close, linger, reset, abort };
  void on_exchange_over(After after);

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer& timer) override;

  std::size_t index = 0;  // Worker's own

 private:
  bool wants_input() const;
  void pump();
  void read_some();
  void take(std::string_view bytes, bool from_kept);
  std::size_t begin_exchange(std::string_view bytes);
  net::http1::Fault take_head(std::string_view bytes, net::http1::Head& head);
  void refuse(Cause cause);
  void on_end_of_input();
  void check_half_closed();
  bool flush();
  void gone();
  void part();
  void linger();
  void close();

  Worker& worker_;
  UniqueFd fd_;
  net::Timer timer_;
  std::unique_ptr<Exchange> exchange_;
  const std::string peer_;
  std::string in_;           // read and not yet used: part of a head, or pipelined requests
  std::size_t scanned_ = 0;  // of in_, for the head's end
  std::string out_;          // what the kernel has not taken yet
  std::size_t out_sent_ = 0;
  TokenMemory valid_token_;
  std::uint64_t discarded_ = 0;
  bool in_waits_ = false;   // in_ has bytes that were not looked at
  bool head_begun_ = true;  // the head's deadline runs
  bool readable_ = true;
  bool half_closed_ = false;
  bool pumping_ = false;
  bool lingering_ = false;
  bool close_when_sent_ = false;
  bool watches_writing_ = true;
};

}  // namespace hitless::gateway
