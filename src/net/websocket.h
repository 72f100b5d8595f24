// Frames of a WebSocket (RFC 6455 section 5), as far as somebody has to know them who passes them
// on unread: where one ends, and how to say goodbye between two of them.
//
// Values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hitless::net {

// Follows the frames of one direction.  Control frames may stand between the frames of a message,
// so the end of any frame is a place for one.
class WebSocketFrames {
 public:
  // Walks over all of the bytes.
  void pass(std::string_view bytes);
  // How many of the bytes belong to the frame that has begun: 0 between two frames.
  std::size_t rest_of_frame(std::string_view bytes) const;
  bool is_between() const { return head_size_ == 0 && left_ == 0; }
  // A Close frame has begun or gone by: nothing may follow it.
  bool has_closed() const { return has_closed_; }

 private:
  std::size_t take(std::string_view bytes);  // at most to the end of a frame

  std::array<std::uint8_t, 14> head_{};  // of the frame that begins, while it is not whole
  std::size_t head_size_ = 0;
  std::uint64_t left_ = 0;  // of its payload
  bool has_closed_ = false;
};

// "Going away" (RFC 6455 section 7.4.1): a server goes down, or a page was left.
inline constexpr std::uint16_t k_websocket_going_away = 1001;

// A Close frame; a client's is masked.  `reason`: UTF-8, at most 123 bytes.
enum class WebSocketSide : bool { client, server };
std::string websocket_close(WebSocketSide side, std::uint16_t code, std::string_view reason);

}  // namespace hitless::net
