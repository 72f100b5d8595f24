#include "bench/gateway/message.h"

#include <gtest/gtest.h>

namespace hitless::bench {
namespace {

TEST(BenchMessage, ReadsAHeadWhenItIsWhole) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-LENGTH:  12\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(read_head(std::string_view(text).substr(0, size))) << size;
  }
  const auto head = read_head(text + "more");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->bytes, text.size());
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->length, 12U);
  EXPECT_TRUE(head->is_chunked);
}

TEST(BenchMessage, ARequestHasNoStatusAndPerhapsNoLength) {
  const auto head = read_head("POST / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 0);
  EXPECT_FALSE(head->length);
  EXPECT_FALSE(head->is_chunked);
}

TEST(BenchMessage, ChunksAreTheSameHoweverTheyAreCut) {
  const std::string body = "5\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    ChunkReader reader;
    std::string payload;
    for (std::size_t at = 0; at < body.size(); at += piece) {
      EXPECT_TRUE(reader.feed(std::string_view(body).substr(at, piece), payload));
    }
    EXPECT_EQ(payload, "hello0123456789") << piece;
    EXPECT_TRUE(reader.has_ended());
  }
}

TEST(BenchMessage, WhatIsNoChunkedBodyIsRefused) {
  for (const std::string_view body :
       {"x\r\n", "\r\nhello", "5\r\nhelloX\n", "5\nhello", "11111111111111111\r\n"}) {
    ChunkReader reader;
    std::string payload;
    EXPECT_FALSE(reader.feed(body, payload)) << body;
  }
}

TEST(BenchMessage, AnEventCarriesItsTime) {
  const std::string event = event_of(0x0123456789abcdefULL);
  EXPECT_EQ(event.size(), k_event_bytes);
  EXPECT_TRUE(event.ends_with("\n\n"));
  EXPECT_EQ(nanos_of(event), 0x0123456789abcdefULL);
  EXPECT_FALSE(nanos_of(event.substr(1) + " "));
  EXPECT_FALSE(nanos_of(event.substr(0, k_event_bytes - 1)));
}

}  // namespace
}  // namespace hitless::bench
