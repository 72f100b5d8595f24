#include "net/event_stream.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace hitless::net {
namespace {

using Events = std::vector<Event>;

Events read(std::string_view bytes) {
  EventParser parser;
  Events events;
  EXPECT_TRUE(parser.put(bytes, [&](Event event) { events.push_back(std::move(event)); }));
  return events;
}

Event message(std::string data, std::string type = "message", std::string id = "") {
  return {.type = std::move(type), .data = std::move(data), .id = std::move(id)};
}

struct Row {
  const char* claim;
  std::string stream;
  Events events;
};

// The examples of the standard, and what its rules say beside them.
TEST(EventParser, ReadsAsTheStandardSays) {
  const Row rows[] = {
      {"lines are joined", "data: YHOO\ndata: +2\ndata: 10\n\n", {message("YHOO\n+2\n10")}},
      {"a comment is nothing, an id stays, an empty one takes it away",
       ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n",
       {message("first event", "message", "1"), message("second event"), message(" third")}},
      {"what has no empty line behind it is no event",
       "data\n\ndata\ndata\n\ndata:",
       {message(""), message("\n")}},
      {"one blank behind the colon is none of the value",
       "data:test\n\ndata: test\n\n",
       {message("test"), message("test")}},
      {"any end of a line, in any mixture",
       "data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\r",
       {message("a\nb\nc"), message("d")}},
      {"a type is of its event alone",
       "event: x\ndata: 1\n\ndata: 2\n\n",
       {message("1", "x"), message("2")}},
      {"a type without data is no event", "event: x\n\ndata: 2\n\n", {message("2")}},
      {"an id with NUL is none", std::string("id: 1\0\ndata: 2\n\n", 16), {message("2")}},
      {"a mark at the beginning",
       "\xEF\xBB\xBF"
       "data: 1\n\n\xEF\xBB\xBF"
       "data: 2\n\n",
       {message("1")}},
      {"unknown fields, and fields in capitals", "Data: 1\nfoo: 2\n\n", {}},
      {"a colon in the value", "data: a:b: c\n\n", {message("a:b: c")}},
      {"heartbeats", std::string(stream_heartbeat()) + "data: 1\n\n", {message("1")}},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.stream), row.events) << row.claim;
}

TEST(EventParser, TakesARetryOfDigitsAlone) {
  EventParser parser;
  const auto ignore = [](const Event&) {};
  ASSERT_TRUE(parser.put("retry: 2x\nretry:\nretry: -1\n", ignore));
  EXPECT_EQ(parser.retry_millis(), "");
  ASSERT_TRUE(parser.put("retry: 1500\n", ignore));
  EXPECT_EQ(parser.retry_millis(), "1500");
}

TEST(EventParser, RefusesWhatIsTooLarge) {
  const auto ignore = [](const Event&) {};
  EventParser line(100);
  Result<void> done;
  for (int i = 0; i < 11 && done; ++i) done = line.put("data: 1234", ignore);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::exhausted);
  EventParser data(100);
  EXPECT_FALSE(data.put(std::string(60, ':') + "\ndata: " + std::string(60, 'd') +
                            "\ndata: " + std::string(60, 'd') + "\n",
                        ignore));
  EventParser many(100);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(many.put("data: 1234567890\n\n", ignore));
}

TEST(EventText, IsReadAsItWasMeant) {
  for (const Event& event : {message("{}", "state", "17"), message("a\nb", "end"), message(""),
                             message("\n"), message(" blank"), message(":x", "a:b", "c: d")}) {
    EXPECT_EQ(read(to_stream_text(event)), Events{event}) << to_stream_text(event);
  }
  EXPECT_EQ(read(to_stream_text(message("a\r\nb\rc"))), Events{message("a\nb\nc")});
}

// Pieces that mean something, so that most streams have events.
rc::Gen<std::string> streams() {
  const std::vector<std::string> pieces = {"data",
                                           "event",
                                           "id",
                                           "retry",
                                           ":",
                                           " ",
                                           "\n",
                                           "\r",
                                           "\r\n",
                                           "\n\n",
                                           "x",
                                           "17",
                                           "\xEF\xBB\xBF",
                                           std::string(1, '\0'),
                                           "data: y\n",
                                           "event: z\r"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces)),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const std::string& part : parts) out += part;
                        return out;
                      });
}

RC_GTEST_PROP(EventParser, ReadsTheSameHoweverTheStreamIsCut, ()) {
  const std::string stream = *streams();
  const Events whole = read(stream);
  EventParser parser;
  Events events;
  std::string_view rest = stream;
  while (!rest.empty()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
    RC_ASSERT(
        parser.put(rest.substr(0, size), [&](Event event) { events.push_back(std::move(event)); })
            .has_value());
    rest.remove_prefix(size);
  }
  RC_ASSERT(events == whole);
}

RC_GTEST_PROP(EventText, RoundTrips, ()) {
  const auto line = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab :\t{}")));
  const auto data = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab :\n")));
  const std::string type = "t" + *line;
  const std::string id = "i" + *line;
  RC_ASSERT(read(to_stream_text(message(data, type, id))) == Events{message(data, type, id)});
}

}  // namespace
}  // namespace hitless::net
