// An HTTP/2 client that sends exactly the frames that a test writes and shows exactly the frames
// that come.  It answers nothing by itself but SETTINGS; windows are the test's business.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/raw_http.h"

namespace hitless::testing {

using Http2Fields = std::vector<std::pair<std::string, std::string>>;

struct Http2Frame {
  enum Type : int {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
  };
  static constexpr int k_end_stream = 1, k_ack = 1, k_end_headers = 4, k_padded = 8;

  int type = -1;
  int flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  bool at_end() const { return (type == data || type == headers) && (flags & k_end_stream) != 0; }
  // Of RST_STREAM and GOAWAY.
  std::uint32_t code() const { return number(type == goaway ? 4 : 0); }
  std::uint32_t last_stream() const { return number(0); }
  std::uint32_t number(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i) {
      value = value << 8 | static_cast<std::uint8_t>(payload[i]);
    }
    return value;
  }
};

inline std::string big_endian(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

// A field as HPACK's literal, never indexed, not compressed: any bytes may stand in it.
inline std::string literal(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  for (const std::string_view each : {name, value}) {
    if (each.size() < 127) {
      text.push_back(static_cast<char>(each.size()));
    } else {
      std::size_t left = each.size() - 127;
      text.push_back(127);
      for (; left >= 128; left /= 128) text.push_back(static_cast<char>(left % 128 + 128));
      text.push_back(static_cast<char>(left));
    }
    text.append(each);
  }
  return text;
}

inline std::string literals(const Http2Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) block += literal(name, value);
  return block;
}

// What came of one stream.
struct Http2Answer {
  int status = 0;
  std::vector<int> interim;
  std::map<std::string, std::string> fields;
  std::map<std::string, std::string> trailers;
  std::string body;
  bool whole = false;                  // END_STREAM was seen
  std::optional<std::uint32_t> reset;  // by RST_STREAM, with this code
};

class Http2Peer {
 public:
  explicit Http2Peer(const Address& address, const std::string& settings = "",
                     int receive_buffer = 0)
      : connection_(RawConnection::connect(address, receive_buffer)) {
    HL_CHECK(nghttp2_hd_inflate_new(&inflater_) == 0);
    connection_.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send(Http2Frame::settings, 0, 0, settings);
  }
  ~Http2Peer() { nghttp2_hd_inflate_del(inflater_); }
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;

  RawConnection& connection() { return connection_; }
  void acknowledge_settings(bool on) { acknowledges_ = on; }

  static std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
    std::string text = big_endian(static_cast<std::uint32_t>(payload.size()), 3);
    text.push_back(static_cast<char>(type));
    text.push_back(static_cast<char>(flags));
    return text.append(big_endian(stream)).append(payload);
  }
  bool send(int type, int flags, std::uint32_t stream, std::string_view payload) {
    return connection_.write(frame(type, flags, stream, payload));
  }
  bool headers(std::uint32_t stream, const Http2Fields& fields, bool at_end = true) {
    return send(Http2Frame::headers,
                Http2Frame::k_end_headers | (at_end ? Http2Frame::k_end_stream : 0), stream,
                literals(fields));
  }
  bool data(std::uint32_t stream, std::string_view bytes, bool at_end = true) {
    return send(Http2Frame::data, at_end ? Http2Frame::k_end_stream : 0, stream, bytes);
  }
  void open_window(std::uint32_t stream, std::uint32_t bytes) {
    send(Http2Frame::window_update, 0, stream, big_endian(bytes));
  }
  void reset(std::uint32_t stream, std::uint32_t code) {
    send(Http2Frame::rst_stream, 0, stream, big_endian(code));
  }

  // The next frame; type -1 at the connection's end.
  Http2Frame read() {
    Http2Frame frame;
    std::string& bytes = connection_.buffered();
    while (bytes.size() < 9) {
      if (!connection_.read_more()) return frame;
    }
    const auto at = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[i]));
    };
    const std::size_t size = at(0) << 16 | at(1) << 8 | at(2);
    while (bytes.size() < 9 + size) {
      if (!connection_.read_more()) return frame;
    }
    frame.type = static_cast<int>(at(3));
    frame.flags = static_cast<int>(at(4));
    frame.stream = static_cast<std::uint32_t>(at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8));
    frame.payload = bytes.substr(9, size);
    bytes.erase(0, 9 + size);
    if (acknowledges_ && frame.type == Http2Frame::settings &&
        (frame.flags & Http2Frame::k_ack) == 0) {
      send(Http2Frame::settings, Http2Frame::k_ack, 0, "");
    }
    note(frame);
    return frame;
  }
  // The next frame of that type.
  Http2Frame read(int type) {
    for (;;) {
      Http2Frame frame = read();
      if (frame.type == type || frame.type == -1) return frame;
    }
  }
  // All up to the connection's end; the last GOAWAY among it, if any.
  std::optional<Http2Frame> read_to_end() {
    for (;;) {
      const Http2Frame frame = read();
      if (frame.type == -1) return goaway_;
    }
  }
  // Until the stream has ended or the connection has.
  Http2Answer answer(std::uint32_t stream) {
    for (;;) {
      Http2Answer& found = answers_[stream];
      if (found.whole || found.reset.has_value()) return found;
      if (read().type == -1) return found;
    }
  }
  Http2Answer& so_far(std::uint32_t stream) { return answers_[stream]; }
  const std::optional<Http2Frame>& goaway() const { return goaway_; }
  // Everything that we sent before this was read has been seen by the other side.
  bool ping() {
    send(Http2Frame::ping, 0, 0, "12345678");
    for (;;) {
      const Http2Frame frame = read(Http2Frame::ping);
      if (frame.type == -1) return false;
      if ((frame.flags & Http2Frame::k_ack) != 0) return true;
    }
  }

 private:
  void note(const Http2Frame& frame) {
    if (frame.type == Http2Frame::goaway) goaway_ = frame;
    if (frame.stream == 0) return;
    Http2Answer& answer = answers_[frame.stream];
    if (frame.type == Http2Frame::rst_stream) answer.reset = frame.code();
    if (frame.type == Http2Frame::data) answer.body += frame.payload;
    if (frame.type == Http2Frame::headers) inflate(frame.payload, answer);
    if (frame.at_end()) answer.whole = true;
  }

  // Heads of ours come in one frame: the tests' answers are small.
  void inflate(std::string_view block, Http2Answer& answer) {
    const bool is_trailer = answer.status != 0;
    int status = 0;
    for (;;) {
      nghttp2_nv field{};
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(
          inflater_, &field, &flags, reinterpret_cast<const std::uint8_t*>(block.data()),
          block.size(), 1);
      HL_CHECK(used >= 0);
      block.remove_prefix(static_cast<std::size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        if (name == ":status") {
          status = std::stoi(value);
        } else {
          (is_trailer ? answer.trailers : answer.fields)[name] = value;
        }
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    if (status >= 200) answer.status = status;
    if (status > 0 && status < 200) answer.interim.push_back(status);
  }

  RawConnection connection_;
  bool acknowledges_ = true;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::map<std::uint32_t, Http2Answer> answers_;
  std::optional<Http2Frame> goaway_;
};

}  // namespace hitless::testing
