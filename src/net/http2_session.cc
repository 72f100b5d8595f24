#include "net/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"

namespace hitless::net {
namespace {

// A stream that we reset ourselves is marked, so that it is not held against the peer.
char g_reset_by_us = 0;  // its address is the mark

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<nghttp2_nv> pairs_of(std::span<const Http2Field> fields) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(fields.size());
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const Http2Field& field : fields) {
    pairs.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
                     NGHTTP2_NV_FLAG_NONE});
  }
  return pairs;
}

using OptionPointer = std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)>;
using CallbacksPointer =
    std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>;

OptionPointer options_of(const Http2Options& options) {
  nghttp2_option* made = nullptr;
  HL_CHECK(nghttp2_option_new(&made) == 0);
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_closed_streams(made, 1);
  nghttp2_option_set_max_continuations(made, options.continuations_max);
  // Ours counts the streams that are reset because of the peer as well.
  nghttp2_option_set_stream_reset_rate_limit(made, 1'000'000, 1'000'000);
  return {made, &nghttp2_option_del};
}

}  // namespace

// Where nghttp2 calls.
class Http2Session::Callbacks {
 public:
  static CallbacksPointer make() {
    nghttp2_session_callbacks* to = nullptr;
    HL_CHECK(nghttp2_session_callbacks_new(&to) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(to, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(to, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(to, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(to, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(to, on_frame_send);
    return {to, &nghttp2_session_callbacks_del};
  }

  static ssize_t read(nghttp2_session*, StreamId stream, std::uint8_t* into, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    const Supply supply = of(user).events_.on_supply(stream, {reinterpret_cast<char*>(into), size});
    if (supply.at_end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (supply.has_trailers) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (supply.size == 0 && !supply.at_end) return NGHTTP2_ERR_DEFERRED;
    of(user).idle_frames_ = 0;
    return static_cast<ssize_t>(supply.size);
  }

 private:
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  static HeadKind kind_of(const nghttp2_frame* frame) {
    return frame->headers.cat == NGHTTP2_HCAT_REQUEST ? HeadKind::request : HeadKind::trailers;
  }

  // Without the priorities of RFC 7540 nghttp2 does not look at their frames at all.
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    if (head->type == NGHTTP2_PRIORITY && head->stream_id == 0) {
      of(user).end(Reason::protocol_error);
    }
    return 0;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    of(user).events_.on_head_begin(frame->hd.stream_id, kind_of(frame));
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void* user) {
    const bool is_good = of(user).events_.on_field(frame->hd.stream_id, text_of(name, name_size),
                                                   text_of(value, value_size));
    return is_good ? 0 : refuse(session, frame);
  }

  static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame,
                               const std::uint8_t*, std::size_t, const std::uint8_t*, std::size_t,
                               std::uint8_t, void*) {
    return refuse(session, frame);
  }

  static int refuse(nghttp2_session* session, const nghttp2_frame* frame) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& self = of(user);
    const bool at_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    const bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        self.count_frame(true);
        self.events_.on_head(frame->hd.stream_id, kind_of(frame), at_end);
        return 0;
      case NGHTTP2_DATA:
        self.count_frame(at_end || frame->hd.length > 0);
        if (at_end) self.events_.on_end(frame->hd.stream_id);
        return 0;
      case NGHTTP2_PING:
        self.count_frame(false);
        if (is_ack) self.events_.on_pong();
        return 0;
      default: self.count_frame(false); return 0;
    }
  }

  // Padding counts against the windows and is consumed by nghttp2 itself.
  static int on_data_chunk(nghttp2_session*, std::uint8_t, StreamId stream,
                           const std::uint8_t* bytes, std::size_t size, void* user) {
    of(user).events_.on_data(stream, text_of(bytes, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, StreamId stream, std::uint32_t code,
                             void* user) {
    Http2Session& self = of(user);
    const void* const mark = nghttp2_session_get_stream_user_data(session, stream);
    if (code != NGHTTP2_NO_ERROR && mark != &g_reset_by_us) self.count_reset();
    self.events_.on_closed(stream, code);
    return 0;
  }

  static int on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const bool carries_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!carries_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    const StreamId stream = frame->hd.stream_id;
    const bool request_ended = nghttp2_session_get_stream_remote_close(session, stream) == 1;
    of(user).events_.on_answer_sent(stream, request_ended);
    return 0;
  }
};

void Http2Session::Free::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

Http2Session::Http2Session(const Http2Options& options, Events& events)
    : options_(options),
      events_(events),
      resets_left_(options.resets_burst),
      resets_at_(monotonic_now()) {}

Http2Session::~Http2Session() = default;

Result<std::unique_ptr<Http2Session>> Http2Session::make(const Http2Options& options,
                                                         Events& events) {
  std::unique_ptr<Http2Session> made(new Http2Session(options, events));
  nghttp2_session* session = nullptr;
  const int failed = nghttp2_session_server_new2(&session, Callbacks::make().get(), made.get(),
                                                 options_of(options).get());
  if (failed != 0) return Error(Code::exhausted, nghttp2_strerror(failed));
  made->session_.reset(session);
  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options.head_bytes_max},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  HL_CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
           0);
  HL_CHECK(nghttp2_session_set_local_window_size(
               session, NGHTTP2_FLAG_NONE, 0,
               static_cast<std::int32_t>(options.connection_window_bytes)) == 0);
  return made;
}

bool Http2Session::receive(std::string_view bytes) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  if (taken >= 0) return true;
  const bool is_flood = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
  end(is_flood ? Reason::enhance_your_calm : Reason::protocol_error);
  return false;
}

void Http2Session::write(std::string& out, std::size_t bytes_max) {
  while (out.size() < bytes_max) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    HL_CHECK(size >= 0);  // it fails for want of memory only
    if (size == 0) return;
    out.append(text_of(bytes, static_cast<std::size_t>(size)));
  }
}

bool Http2Session::is_over() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

// The submitting calls fail only for streams that are closed meanwhile, which need nothing more.

void Http2Session::submit_interim(StreamId stream, std::span<const Http2Field> fields) {
  const std::vector<nghttp2_nv> pairs = pairs_of(fields);
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, pairs.data(),
                         pairs.size(), nullptr);
}

void Http2Session::submit_answer(StreamId stream, std::span<const Http2Field> fields,
                                 bool has_body) {
  const std::vector<nghttp2_nv> pairs = pairs_of(fields);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read;
  nghttp2_submit_response(session_.get(), stream, pairs.data(), pairs.size(),
                          has_body ? &provider : nullptr);
}

void Http2Session::submit_trailers(StreamId stream, std::span<const Http2Field> fields) {
  const std::vector<nghttp2_nv> pairs = pairs_of(fields);
  nghttp2_submit_trailer(session_.get(), stream, pairs.data(), pairs.size());
}

void Http2Session::resume(StreamId stream) {
  nghttp2_session_resume_data(session_.get(), stream);
}

void Http2Session::consume(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume(session_.get(), stream, bytes);
}

void Http2Session::reset(StreamId stream, Reason reason) {
  nghttp2_session_set_stream_user_data(session_.get(), stream, &g_reset_by_us);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream,
                            static_cast<std::uint32_t>(reason));
}

void Http2Session::announce_end() {
  nghttp2_submit_shutdown_notice(session_.get());
}

void Http2Session::end(Reason reason) {
  if (std::exchange(ended_, true)) return;
  if (reason != Reason::no_error) {
    nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(reason));
    return;
  }
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Http2Session::ping() {
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
}

void Http2Session::count_frame(bool is_useful) {
  idle_frames_ = is_useful ? 0 : idle_frames_ + 1;
  if (idle_frames_ > options_.idle_frames_max) end(Reason::enhance_your_calm);
}

void Http2Session::count_reset() {
  const Instant now = monotonic_now();
  const auto micros = static_cast<std::size_t>((now - resets_at_).count());
  if (const std::size_t back = micros * options_.resets_per_second / 1'000'000; back > 0) {
    resets_left_ = std::min(options_.resets_burst, resets_left_ + back);
    resets_at_ = now;
  }
  if (resets_left_ == 0) return end(Reason::enhance_your_calm);
  --resets_left_;
}

}  // namespace hitless::net
