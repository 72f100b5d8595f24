// A client's HTTP/2 connection: its socket, its session, its streams.
//
// Owner: its Worker.  Thread: the worker's.  What the streams have to say in one turn of the loop
// leaves in one piece at the turn's end.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/connection.h"
#include "gateway/http2_stream.h"
#include "gateway/token_memory.h"
#include "net/channel.h"
#include "net/http2_session.h"

namespace hitless::gateway {

class Worker;

class Http2Connection final : public Connection, private net::Http2Session::Events {
 public:
  // `begun`: what was read already, from the connection's first byte on.
  Http2Connection(Worker& worker, net::Channel channel, const std::string& peer,
                  std::string_view begun);
  ~Http2Connection() override;

  void start() override;
  void drain() override;
  void shut() override;
  bool parts_in_turn() const override {
    return streams_.empty() && !draining_ && waits_for_ != For::linger;
  }
  void part_by(net::Instant deadline) override { goaway_timer_.set(deadline); }
  std::optional<Wait> wait() const override;
  void give_up() override { shut(); }

  // For the streams.
  net::Http2Session& session() { return *session_; }
  TokenMemory& token() { return token_; }
  const std::string& peer() const { return peer_; }
  bool encrypted() const { return channel_.encrypted(); }
  void flush_soon();  // the session has something to write
  void on_answer();   // a stream's head has been given to the session
  // Answers' bytes that wait for this client, over all streams.
  void add_unsent(std::size_t bytes) { unsent_ += bytes; }
  void remove_unsent(std::size_t bytes) { unsent_ -= bytes; }
  bool is_full() const;

  void on_ready(net::Ready ready) override;
  void on_timer(net::Timer& timer) override;
  void on_turn_end() override;

 private:
  using StreamId = net::Http2Session::StreamId;
  using HeadKind = net::Http2Session::HeadKind;
  // What the deadline is for.
  enum class For { none, first, head, idle, write, linger };

  void on_head_begin(StreamId id, HeadKind kind) override;
  bool on_field(StreamId id, std::string_view name, std::string_view value) override;
  void on_head(StreamId id, HeadKind kind, bool at_end) override;
  void on_data(StreamId id, std::string_view bytes) override;
  void on_end(StreamId id) override;
  net::Http2Session::Supply on_supply(StreamId id, std::span<char> into) override;
  void on_answer_sent(StreamId id, bool request_ended) override;
  void on_closed(StreamId id, std::uint32_t code) override;
  void on_pong() override;

  Http2Stream* find(StreamId id) const;
  void pump();
  void read_some();
  void take(std::string_view bytes);
  void flush();
  bool write_out();
  void tell_flushed();
  void wait_for(For what);
  void set_deadline();
  bool is_moving();
  std::optional<net::Instant> streams_wait_since() const;
  void end_streams(bool by_stall);
  void linger();
  void gone(bool by_stall = false);
  void close();

  Worker& worker_;
  net::Channel channel_;
  net::Timer timer_;
  net::Timer goaway_timer_;  // until its turn to part, then for the echo of the announcement
  const std::string peer_;
  std::string begun_;
  std::unique_ptr<net::Http2Session> session_;
  std::unordered_map<StreamId, std::unique_ptr<Http2Stream>> streams_;
  // Closed, with an answer of which the socket has not taken all.
  std::vector<std::unique_ptr<Http2Stream>> leaving_;
  TokenMemory token_;
  std::string output_;  // what the socket has not taken yet
  std::size_t output_sent_ = 0;
  std::size_t unsent_ = 0;
  std::uint64_t discarded_ = 0;
  StreamId head_of_ = 0;  // the stream whose head is coming; 0: none
  HeadKind head_kind_ = HeadKind::request;

  For waits_for_ = For::none;
  bool asked_ = false;  // a request has come
  bool flush_due_ = false;
  bool wrote_ = false;  // something, since the deadline for writing was set
  bool readable_ = true;
  bool at_end_ = false;  // the client will send no more
  bool draining_ = false;
  bool ping_due_ = false;
  bool broken_ = false;  // the session is
};

}  // namespace hitless::gateway
