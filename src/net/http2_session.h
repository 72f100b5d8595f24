// The server's end of one HTTP/2 connection (RFC 9113): bytes in, events out; answers in, bytes
// out. By nghttp2, which keeps the states of streams, the windows and the compression of heads.
//
// Owner: whoever has the connection.  Thread: any one.  All events come from inside receive() and
// write(); nothing of those two may be called from inside an event, all else may.
// What a peer does to make us work for nothing is counted here and ends the connection with
// ENHANCE_YOUR_CALM: streams it opens and resets, frames that carry nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/event_loop.h"

struct nghttp2_session;

namespace hitless::net {

struct Http2Options {
  std::uint32_t streams_max = 100;
  std::uint32_t stream_window_bytes = 64 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;
  std::uint32_t head_bytes_max = 32 * 1024;  // told to the peer; the owner counts
  std::size_t continuations_max = 8;         // frames of one head after its first
  std::size_t resets_burst = 500;            // streams that end early, at once …
  std::size_t resets_per_second = 50;        // … and over time
  std::size_t idle_frames_max = 1000;        // in a row that neither ask nor carry anything
};

struct Http2Field {
  std::string_view name;  // in small letters
  std::string_view value;
};

class Http2Session {
 public:
  using StreamId = std::int32_t;
  enum class Reason : std::uint32_t {  // RFC 9113 section 7
    no_error = 0,
    protocol_error = 1,
    internal_error = 2,
    refused_stream = 7,
    cancel = 8,
    enhance_your_calm = 11,
  };
  enum class HeadKind : std::uint8_t { request, trailers };

  // What an answer has to send now.  Nothing and not at its end: it will call resume().
  struct Supply {
    std::size_t size = 0;
    bool at_end = false;
    bool has_trailers = false;  // at_end: submitted by submit_trailers() from inside the call
  };

  class Events {
   public:
    virtual void on_head_begin(StreamId stream, HeadKind kind) = 0;
    // false: the message is malformed, its stream is reset.
    virtual bool on_field(StreamId stream, std::string_view name, std::string_view value) = 0;
    virtual void on_head(StreamId stream, HeadKind kind, bool at_end) = 0;
    // Counts against the windows until consume().
    virtual void on_data(StreamId stream, std::string_view bytes) = 0;
    virtual void on_end(StreamId stream) = 0;  // of a request that had data
    virtual Supply on_supply(StreamId stream, std::span<char> into) = 0;
    virtual void on_answer_sent(StreamId stream, bool request_ended) = 0;
    virtual void on_closed(StreamId stream, std::uint32_t code) = 0;  // last of the stream
    virtual void on_pong() = 0;

   protected:
    ~Events() = default;
  };

  // Says our settings first.
  static Result<std::unique_ptr<Http2Session>> make(const Http2Options& options, Events& events);
  ~Http2Session();

  // False: the connection is beyond repair; write what there is and close.
  bool receive(std::string_view bytes);
  // Appends what is to be sent, about `bytes_max` of it.
  void write(std::string& out, std::size_t bytes_max);
  // Both sides have said all they will: time to close.
  bool is_over() const;

  void submit_interim(StreamId stream, std::span<const Http2Field> fields);
  void submit_answer(StreamId stream, std::span<const Http2Field> fields, bool has_body);
  void submit_trailers(StreamId stream, std::span<const Http2Field> fields);
  void resume(StreamId stream);
  void consume(StreamId stream, std::size_t bytes);
  void reset(StreamId stream, Reason reason);

  // No new streams, told twice: announce_end() still takes what is on its way, end() does not.
  void announce_end();
  void end(Reason reason);
  void ping();  // answered by on_pong()

 private:
  class Callbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };
  Http2Session(const Http2Options& options, Events& events);
  void count_frame(bool is_useful);
  void count_reset();

  const Http2Options options_;
  Events& events_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::size_t idle_frames_ = 0;
  std::size_t resets_left_;
  Instant resets_at_;
  bool ended_ = false;
};

}  // namespace hitless::net
