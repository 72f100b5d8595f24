#include "net/websocket.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::net {
namespace {

constexpr std::uint8_t k_opcode_mask = 0x0f;
constexpr std::uint8_t k_opcode_close = 0x08;
constexpr std::uint8_t k_final = 0x80;
constexpr std::uint8_t k_masked = 0x80;
constexpr std::uint8_t k_length_mask = 0x7f;
constexpr std::size_t k_length_16 = 126;
constexpr std::size_t k_length_64 = 127;
constexpr std::size_t k_close_reason_max = 123;

std::size_t length_bytes(std::uint8_t second) {
  switch (second & k_length_mask) {
    case k_length_16: return 2;
    case k_length_64: return 8;
    default: return 0;
  }
}

std::size_t head_bytes(std::uint8_t second) {
  return 2 + length_bytes(second) + ((second & k_masked) != 0 ? 4U : 0U);
}

}  // namespace

std::size_t WebSocketFrames::take(std::string_view bytes) {
  std::size_t used = 0;
  if (left_ == 0) {
    while (used < bytes.size() && (head_size_ < 2 || head_size_ < head_bytes(head_[1]))) {
      head_[head_size_++] = static_cast<std::uint8_t>(bytes[used++]);
    }
    if (head_size_ < 2 || head_size_ < head_bytes(head_[1])) return used;
    const std::size_t size = length_bytes(head_[1]);
    left_ = size == 0 ? head_[1] & k_length_mask : 0;
    for (std::size_t at = 0; at < size; ++at) left_ = left_ << 8 | head_[2 + at];
    has_closed_ = has_closed_ || (head_[0] & k_opcode_mask) == k_opcode_close;
    head_size_ = 0;
  }
  const std::uint64_t payload = std::min<std::uint64_t>(left_, bytes.size() - used);
  left_ -= payload;
  return used + payload;
}

void WebSocketFrames::pass(std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(take(bytes));
}

std::size_t WebSocketFrames::rest_of_frame(std::string_view bytes) const {
  if (is_between()) return 0;
  WebSocketFrames walk = *this;
  return walk.take(bytes);
}

std::string websocket_close(WebSocketSide side, std::uint16_t code, std::string_view reason) {
  HL_CHECK(reason.size() <= k_close_reason_max);
  const bool is_masked = side == WebSocketSide::client;
  std::string frame;
  frame.push_back(static_cast<char>(k_final | k_opcode_close));
  frame.push_back(static_cast<char>((is_masked ? k_masked : 0) | (2 + reason.size())));
  // A mask keeps scripts in a browser from choosing what goes over the wire; there are none here.
  if (is_masked) frame.append(4, '\0');
  frame.push_back(static_cast<char>(code >> 8));
  frame.push_back(static_cast<char>(code & 0xff));
  return frame.append(reason);
}

}  // namespace hitless::net
