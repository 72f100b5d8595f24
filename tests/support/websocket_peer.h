// The frames of a WebSocket, written and read exactly, over a RawConnection; and an instance that
// sends each frame back as it came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/raw_http.h"

namespace hitless::testing {

struct WebSocketFrame {
  enum Opcode { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  int opcode = text;
  std::string payload{};
  bool final = true;
  int reserved = 0;  // the three bits behind FIN, for extensions

  // Of a Close frame; 1005: it has none.
  int code() const {
    if (payload.size() < 2) return 1005;
    return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
  }
  friend bool operator==(const WebSocketFrame&, const WebSocketFrame&) = default;
};

inline WebSocketFrame close_frame(int code, std::string_view reason = "") {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return {.opcode = WebSocketFrame::close, .payload = payload.append(reason)};
}

// A client masks its frames (RFC 6455 section 5.3).
inline std::string to_wire(const WebSocketFrame& frame, bool masked) {
  constexpr std::string_view k_key = "\x37\xfa\x21\x3d";
  std::string wire(
      1, static_cast<char>((frame.final ? 0x80 : 0) | frame.reserved << 4 | frame.opcode));
  const std::size_t size = frame.payload.size();
  const int bit = masked ? 0x80 : 0;
  if (size < 126) {
    wire.push_back(static_cast<char>(bit | static_cast<int>(size)));
  } else {
    const bool wide = size > 0xffff;
    wire.push_back(static_cast<char>(bit | (wide ? 127 : 126)));
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) {
      wire.push_back(static_cast<char>(size >> shift & 0xff));
    }
  }
  if (!masked) return wire.append(frame.payload);
  wire.append(k_key);
  for (std::size_t at = 0; at < size; ++at) {
    wire.push_back(static_cast<char>(frame.payload[at] ^ k_key[at % 4]));
  }
  return wire;
}

// The next frame; nullopt at the end of the connection.  Whether it was masked is checked, as each
// side may take only what the other one has to send.
inline std::optional<WebSocketFrame> read_frame(RawConnection& from, bool masked) {
  std::string& bytes = from.buffered();
  const auto await = [&](std::size_t size) {
    while (bytes.size() < size) {
      if (!from.read_more()) return false;
    }
    return true;
  };
  const auto at = [&](std::size_t index) {
    return std::uint64_t{static_cast<unsigned char>(bytes[index])};
  };
  if (!await(2)) return std::nullopt;
  HL_CHECK(((at(1) & 0x80) != 0) == masked);
  const std::uint64_t small = at(1) & 0x7f;
  const std::size_t more = small < 126 ? 0 : (small == 126 ? 2 : 8);
  const std::size_t head = 2 + more + (masked ? 4 : 0);
  if (!await(head)) return std::nullopt;
  std::uint64_t size = more == 0 ? small : 0;
  for (std::size_t i = 0; i < more; ++i) size = size << 8 | at(2 + i);
  if (!await(head + size)) return std::nullopt;
  WebSocketFrame frame{.opcode = static_cast<int>(at(0) & 0x0f),
                       .payload = bytes.substr(head, size),
                       .final = (at(0) & 0x80) != 0,
                       .reserved = static_cast<int>(at(0) >> 4 & 7)};
  for (std::size_t i = 0; masked && i < size; ++i) frame.payload[i] ^= bytes[head - 4 + i % 4];
  bytes.erase(0, head + size);
  return frame;
}

// A client's half of a WebSocket over the gateway.
class WebSocketPeer {
 public:
  explicit WebSocketPeer(RawConnection connection) : connection_(std::move(connection)) {}

  static constexpr std::string_view k_fields =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  static constexpr std::string_view k_accepted =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

  // `request`: with k_fields.  The answer's head; what follows it is frames.
  RawMessage upgrade(std::string_view request) {
    connection_.write(request);
    return connection_.read_message();
  }
  bool send(const WebSocketFrame& frame) { return connection_.write(to_wire(frame, true)); }
  std::optional<WebSocketFrame> read() { return read_frame(connection_, false); }
  // What comes back for it, where each frame is sent back.
  std::optional<WebSocketFrame> echo(const WebSocketFrame& frame) {
    return send(frame) ? read() : std::nullopt;
  }
  RawConnection& connection() { return connection_; }

 private:
  RawConnection connection_;
};

// Answers a ping with a pong and a Close with the same Close, and sends everything else back, frame
// by frame, until either end.  `seen` is told each frame as it came.
template <class Seen>
void echo_frames(RawConnection& connection, Seen seen) {
  connection.write(WebSocketPeer::k_accepted);
  for (;;) {
    auto frame = read_frame(connection, true);
    if (!frame.has_value()) return;
    seen(*frame);
    if (frame->opcode == WebSocketFrame::ping) frame->opcode = WebSocketFrame::pong;
    if (!connection.write(to_wire(*frame, false))) return;
    if (frame->opcode == WebSocketFrame::close) return;
  }
}
inline void echo_frames(RawConnection& connection) {
  echo_frames(connection, [](const WebSocketFrame&) {});
}

// An instance that does so.
inline RawUpstream::Script echoing_frames(std::function<void(const WebSocketFrame&)> seen =
                                              [](const WebSocketFrame&) {}) {
  return [seen = std::move(seen)](RawConnection& connection) {
    if (connection.read_message().whole) echo_frames(connection, seen);
  };
}

}  // namespace hitless::testing
