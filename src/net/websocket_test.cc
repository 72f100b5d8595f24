#include "net/websocket.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

namespace hitless::net {
namespace {

std::string frame(std::size_t size, bool masked, std::uint8_t first = 0x82) {
  std::string text(1, static_cast<char>(first));
  const auto mask = static_cast<std::uint8_t>(masked ? 0x80 : 0);
  if (size < 126) {
    text.push_back(static_cast<char>(mask | size));
  } else {
    const bool wide = size > 0xffff;
    text.push_back(static_cast<char>(mask | (wide ? 127 : 126)));
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) {
      text.push_back(static_cast<char>(size >> shift & 0xff));
    }
  }
  if (masked) text.append("mask");
  return text.append(size, 'x');
}

TEST(WebSocketFrames, EndsAreFoundWhateverTheLengthAndTheMask) {
  for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 65'535UL, 65'536UL, 1'000'000UL}) {
    for (const bool masked : {false, true}) {
      const std::string text = frame(size, masked);
      WebSocketFrames frames;
      frames.pass(text.substr(0, text.size() - 1));
      EXPECT_FALSE(frames.is_between()) << size;
      EXPECT_EQ(frames.rest_of_frame(text.substr(text.size() - 1) + "more"), 1U) << size;
      frames.pass(text.substr(text.size() - 1));
      EXPECT_TRUE(frames.is_between()) << size;
      EXPECT_EQ(frames.rest_of_frame("more"), 0U);
      EXPECT_FALSE(frames.has_closed());
    }
  }
}

RC_GTEST_PROP(WebSocketFrames, AreFollowedHoweverTheyAreCut, ()) {
  const auto sizes = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::weightedOneOf<std::size_t>({{4, rc::gen::inRange<std::size_t>(0, 200)},
                                           {1, rc::gen::inRange<std::size_t>(65'000, 66'000)}}));
  std::string all;
  std::vector<std::size_t> ends;
  for (const std::size_t size : sizes) {
    all.append(frame(size, size % 2 == 1));
    ends.push_back(all.size());
  }
  WebSocketFrames frames;
  std::size_t at = 0;
  while (at < all.size()) {
    const auto piece = *rc::gen::inRange<std::size_t>(1, all.size() - at + 1);
    frames.pass(std::string_view(all).substr(at, piece));
    at += piece;
    const auto end = std::lower_bound(ends.begin(), ends.end(), at);
    RC_ASSERT(frames.is_between() == (end != ends.end() && *end == at));
    RC_ASSERT(frames.rest_of_frame(std::string_view(all).substr(at)) ==
              (frames.is_between() ? 0 : *end - at));
  }
}

TEST(WebSocketFrames, ACloseFrameIsTheLast) {
  WebSocketFrames frames;
  frames.pass(frame(3, true));
  EXPECT_FALSE(frames.has_closed());
  frames.pass(frame(2, true, 0x88).substr(0, 6));
  EXPECT_TRUE(frames.has_closed());
  EXPECT_FALSE(frames.is_between());
}

TEST(WebSocketClose, IsAsRfc6455HasIt) {
  EXPECT_EQ(websocket_close(WebSocketSide::server, k_websocket_going_away, "bye"),
            std::string("\x88\x05\x03\xe9") + "bye");
  EXPECT_EQ(websocket_close(WebSocketSide::client, k_websocket_going_away, ""),
            std::string("\x88\x82\0\0\0\0\x03\xe9", 8));
}

}  // namespace
}  // namespace hitless::net
