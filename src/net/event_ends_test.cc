#include "net/event_ends.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "net/event_stream.h"

namespace hitless::net {
namespace {

using http1::Body;
using http1::Framing;

std::string chunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

// What both say of a stream that stands still behind these bytes.
EventEnds behind(std::string_view wire, Framing framing, std::size_t cut = 1'000'000) {
  Body body(framing, 0);
  EventEnds ends;
  while (!wire.empty()) {
    const std::string_view piece = wire.substr(0, cut);
    wire.remove_prefix(piece.size());
    for (std::string_view rest = piece; !rest.empty();) {
      rest.remove_prefix(body.next(rest).used);
    }
    ends.pass(piece);
  }
  ends.begin(body);
  return ends;
}

TEST(EventEnds, AreSeenInWhatWentBy) {
  struct Row {
    std::string wire;
    Framing framing;
    bool is_at_end;
    bool is_between;
  };
  const std::vector<Row> rows = {
      {"", Framing::chunked, true, true},
      {chunk("data: 1\n\n"), Framing::chunked, true, true},
      {chunk("data: {}\r\n\r\n"), Framing::chunked, true, true},
      {chunk("data: 1\n\n") + chunk("data: 2\n"), Framing::chunked, false, true},
      {chunk("data: 1\n\n") + "9\r\ndata", Framing::chunked, false, false},
      {chunk("data: 1\n\n") + "9\r\ndata: 1\n\n\r", Framing::chunked, false, false},
      // Whether an event has ended cannot be told from the last bytes.
      {chunk("data: 1\n") + chunk("\n"), Framing::chunked, false, true},
      {chunk("data: 1") + chunk("\n"), Framing::chunked, false, true},
      {chunk("data: 1") + chunk("\r\n"), Framing::chunked, false, true},
      {"data: 1\n\n", Framing::until_close, true, true},
      {"data: 1\r\n\r\n", Framing::until_close, true, true},
      {"data: 1\r\r", Framing::until_close, true, true},
      {"data: 1\n", Framing::until_close, false, true},
  };
  for (const Row& row : rows) {
    for (const std::size_t cut : {1UL, 3UL, 1000UL}) {
      const EventEnds ends = behind(row.wire, row.framing, cut);
      EXPECT_EQ(ends.is_at_end(), row.is_at_end) << row.wire;
      EXPECT_EQ(ends.is_between_chunks(), row.is_between) << row.wire;
    }
  }
}

TEST(EventEnds, AreFoundInWhatComes) {
  struct Row {
    std::string wire;
    std::string to_end;
  };
  const std::string begun = "data: 1";  // no chunk of an end yet
  const std::vector<Row> rows = {
      {chunk("\n\n") + chunk("data: 2\n\n"), chunk("\n\n")},
      {chunk("\n") + chunk("\n") + chunk("x"), chunk("\n") + chunk("\n")},
      {chunk("\r\n") + chunk("\r\n") + chunk("x"), chunk("\r\n") + chunk("\r\n")},
      {chunk("\r\r") + chunk("x"), chunk("\r\r")},
      {chunk("\n\nx") + chunk("y\n\n"), chunk("\n\nx") + chunk("y\n\n")},
      {chunk("\n\nx") + chunk("y"), chunk("\n\nx") + chunk("y")},
      {chunk("\n\n") + "0\r\n\r\n", chunk("\n\n")},
      {"0\r\n\r\n", "0\r\n\r\n"},
  };
  for (const Row& row : rows) {
    EventEnds ends = behind(chunk(begun), Framing::chunked);
    EXPECT_EQ(row.wire.substr(0, ends.take(row.wire)), row.to_end) << row.wire;
  }
  EventEnds ends = behind(begun, Framing::until_close);
  EXPECT_EQ(ends.take("2\n\ndata: 3\n\n"), 3U);
  EXPECT_TRUE(ends.is_at_end());
}

// However a stream of events is cut into chunks and pieces: where an end is told, a reader has seen
// only whole events, and all of them.
RC_GTEST_PROP(EventEnds, AreNeverToldInTheMiddleOfAnEvent, ()) {
  const auto lines = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6));
  std::string content;
  const char* const k_parts[] = {"data: x", "\n", "\n\n", "\r\n", "\r\n\r\n", "id: 7\ndata:"};
  for (const int part : lines) content += k_parts[part];
  const bool is_chunked = *rc::gen::arbitrary<bool>();
  std::string wire;
  for (std::size_t at = 0; at < content.size();) {
    const auto size = *rc::gen::inRange<std::size_t>(1, content.size() - at + 1);
    const std::string part = content.substr(at, size);
    wire += is_chunked ? chunk(part) : part;
    at += size;
  }
  const auto before = *rc::gen::inRange<std::size_t>(0, wire.size() + 1);
  const Framing framing = is_chunked ? Framing::chunked : Framing::until_close;
  const auto cut = *rc::gen::inRange<std::size_t>(1, 40);
  EventEnds ends = behind(std::string_view(wire).substr(0, before), framing, cut);
  std::size_t at = before;
  while (!ends.is_at_end() && at < wire.size()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, wire.size() - at + 1);
    at += ends.take(std::string_view(wire).substr(at, size));
  }
  if (!ends.is_at_end()) return;
  // A line behind it begins an event of its own.
  std::string seen;
  Body body(framing, 0);
  for (std::string_view rest = std::string_view(wire).substr(0, at); !rest.empty();) {
    const Body::Piece piece = body.next(rest);
    seen.append(piece.data);
    rest.remove_prefix(piece.used);
  }
  const auto events_of = [](const std::string& text) {
    std::vector<Event> events;
    EventParser parser;
    RC_ASSERT(parser.put(text, [&](Event event) { events.push_back(std::move(event)); }));
    return events;
  };
  std::vector<Event> expected = events_of(seen);
  const std::vector<Event> with = events_of(seen + "event: ours\ndata: bye\n\n");
  RC_ASSERT(with.size() == expected.size() + 1);
  RC_ASSERT(with.back().data == "bye");
  RC_ASSERT(with.back().type == "ours");
}

}  // namespace
}  // namespace hitless::net
