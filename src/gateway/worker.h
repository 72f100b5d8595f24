// A Worker is one thread's share of the gateway: its listeners, its connections, its copy of the
// table, its counters.  A connection never leaves its worker.
//
// Owner: the Gateway.  Thread: run() is the worker's thread; all but post() and the constants
// belong to it (or to the time before run()).  Tables come in and readings go out as messages.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/access_buffer.h"
#include "gateway/connection.h"
#include "gateway/counters.h"
#include "gateway/listener.h"
#include "gateway/metrics.h"
#include "gateway/options.h"
#include "gateway/request_head.h"
#include "gateway/stream.h"
#include "gateway/table.h"
#include "gateway/text.h"
#include "gateway/token_memory.h"
#include "gateway/trace.h"
#include "net/channel.h"
#include "net/event_loop.h"
#include "net/http1.h"

namespace hitless::gateway {

class Worker final : public net::Handler {
 public:
  using Sink = std::function<void(WorkerReading)>;  // called on the worker's thread

  struct Sockets {
    std::vector<UniqueFd> plain;
    std::vector<UniqueFd> tls;  // none, if TLS is not spoken
    std::shared_ptr<const net::TlsIdentity> identity;
  };
  // Does not accept before accept_connections().
  static Result<std::unique_ptr<Worker>> make(std::size_t index, const GatewayOptions& options,
                                              Sockets sockets, Sink sink,
                                              AccessWriter* access = nullptr);
  ~Worker() override;

  void run();                                                                    // until stop()
  void stop() { loop_->stop(); }                                                 // any thread
  void post(std::function<void()> message) { loop_->post(std::move(message)); }  // any thread

  void adopt(const TableChange& change);
  // Accepts no more, closes idle connections, lets the others end within the budget; `done` is
  // called on this thread when none is left.
  void drain(Duration budget, std::function<void()> done);
  bool draining() const { return draining_; }
  // For connections from now on; those that are there keep what they began with.
  void show(std::shared_ptr<const net::TlsIdentity> identity) { identity_ = std::move(identity); }

  Result<void> accept_connections();
  // Another process accepts.  Who is connected is told with the next answer to connect anew; who
  // says nothing is closed in turn.  `left` is called on this thread when none is left.
  void leave(Duration budget, std::function<void()> left);
  void stay();  // takes leave() back: that process has died
  bool leaving() const { return leaving_; }
  // Since when no new requests come; k_never: they do.
  net::Instant leaves_since() const { return leaves_since_; }
  // For a connection on which nothing is in progress from now on.
  net::Instant idle_deadline() const;

  // For the connections and exchanges.
  net::EventLoop& loop() { return *loop_; }
  const Limits& limits() const { return options_.limits; }
  std::size_t workers() const { return options_.workers; }
  Table& table() { return table_; }
  Counters& counters() { return counters_; }
  RevisionCounters& unrouted() { return unrouted_; }
  AccessBuffer& access() { return access_; }
  // The token that any connection sent last is only compared, others are hashed: most clients open
  // their connections with one token.
  bool is_token_valid(std::string_view token);
  WorkerLoad load() const {
    return {.connections = connections_.size(),
            .waiting = held_requests_,
            .dropped_lines = access_.dropped()};
  }
  void count_held(int more) { held_requests_ += static_cast<std::uint64_t>(more); }
  bool is_full() const { return connections_.size() >= connections_max_; }
  void accepted(UniqueFd fd, std::string peer);
  void accepted_tls(UniqueFd fd, std::string peer);
  // Closes connections whose clients keep us waiting (Limits::crowded_patience); false: there are
  // none.
  bool make_room();
  // `before` has given up its channel, on which its client speaks what is known now.
  void replace(Connection& before, net::Channel channel, const std::string& peer, bool is_http2);
  // … HTTP/2, of which `begun` has been read.
  void replace(Connection& before, net::Channel channel, const std::string& peer,
               std::string_view begun);
  void remove(Connection& connection);
  Stream& begin_stream(Exchange& exchange, Endpoint& endpoint, const ServiceEntry& service,
                       Stream::Speaks speaks);
  void end_stream(Stream& stream);
  std::string_view make_request_id();  // valid until the next one; fit to be a trace's
  // A traceparent, valid until the next one: of a trace by the name of the last request id, or one
  // of its own.
  std::string_view begin_trace(bool by_request_id) {
    if (!by_request_id) make_request_id();
    return {traceparent_.data(), traceparent_.size()};
  }

  // Empty texts that have held a request: fewer allocations.
  Text take_text() {
    if (texts_.empty()) return {};
    Text text = std::move(texts_.back());
    texts_.pop_back();
    return text;
  }
  void give_back(Text text);
  // Likewise, for what else is as large.
  std::string take_buffer();
  void give_back(std::string buffer);

  // Plain requests are sent to TLS.
  bool redirects() const { return options_.tls.has_value() && options_.tls->redirect; }
  std::uint16_t tls_port() const { return options_.tls->listen.port; }  // when there is TLS

  void on_counted();   // something changed that can wait for the next reading
  void report_soon();  // … that control should hear of
  void on_drained();   // a retired endpoint's last lease is gone

  // Scratch space of one call chain: valid until the next read or parse.
  net::http1::Head& head() { return head_; }
  net::http1::Head& answer_head() { return answer_head_; }  // for answers that are ours
  RequestFields& request_fields() { return request_fields_; }
  std::string& scratch() { return scratch_; }
  Text& answer_text() { return answer_text_; }
  std::string& location() { return location_; }

  void on_ready(net::Ready) override {}
  void on_timer(net::Timer& timer) override;

 private:
  void add(std::unique_ptr<Connection> connection);
  Worker(std::size_t index, const GatewayOptions& options, std::unique_ptr<net::EventLoop> loop,
         Sockets sockets, Sink sink, AccessWriter* access);
  std::uint64_t random();
  void retire(Endpoint& endpoint);
  void release_hold(ServiceEntry& service);
  void report();
  void check_drained();
  void end_within(Duration budget);
  void look_at_streams();

  // Constant after construction.
  const std::size_t index_;
  const GatewayOptions options_;
  const std::size_t connections_max_;
  const Sink sink_;

  const std::unique_ptr<net::EventLoop> loop_;
  Counters counters_;
  RevisionCounters& unrouted_;
  AccessBuffer access_;
  std::uint64_t held_requests_ = 0;  // that are in a hold
  Table table_;
  TokenMemory valid_token_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::shared_ptr<const net::TlsIdentity> identity_;
  std::vector<std::unique_ptr<Connection>> connections_;
  net::Timer report_timer_;
  net::Instant reported_at_{};
  std::vector<std::unique_ptr<Stream>> streams_;
  net::Timer drain_timer_;
  net::Instant drain_until_ = net::k_never;
  net::Instant crowd_told_at_{};  // in the log
  std::function<void()> drained_;
  bool draining_ = false;
  bool leaving_ = false;
  net::Instant leaves_since_ = net::k_never;
  net::Instant leave_until_{};  // the last idle connection's turn
  bool sweep_posted_ = false;

  net::http1::Head head_;
  net::http1::Head answer_head_;
  RequestFields request_fields_;
  std::string scratch_;
  Text answer_text_;
  std::string location_;
  std::vector<Text> texts_;
  std::vector<std::string> buffers_;
  std::array<std::uint64_t, 2> id_state_{};
  // The request id is a part of it.
  std::array<char, k_traceparent_bytes> traceparent_;
};

}  // namespace hitless::gateway
