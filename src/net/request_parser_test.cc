#include "net/request_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

namespace hitless::net {
namespace {

constexpr std::size_t k_head_max = 4096;
constexpr std::size_t k_body_max = 4096;

// What a connection does: puts pieces, keeps what was not taken, takes what is complete.  One line
// a request, and the refusal's status last.
std::vector<std::string> read_in_pieces(std::string_view bytes, std::vector<std::size_t> pieces) {
  RequestParser parser(k_head_max, k_body_max);
  std::vector<std::string> read;
  std::string kept;
  pieces.push_back(bytes.size());
  for (std::size_t piece : pieces) {
    kept.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (!kept.empty()) {
      kept.erase(0, parser.put(kept));
      if (parser.refusal()) {
        read.push_back(std::to_string(parser.refusal()->status));
        return read;
      }
      if (!parser.complete()) break;
      const ParsedRequest parsed = parser.take();
      read.push_back(parsed.request.method + " " + parsed.request.target + " " +
                     parsed.request.body + (parsed.keep_alive ? " keep" : " close"));
    }
  }
  return read;
}

constexpr std::string_view k_stream =
    "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"
    "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    "PUT /c HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: "
    "chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: "
    "v\r\n\r\n"
    "GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    "GET bad HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(RequestParser, ReadsAStreamOfRequestsHoweverItIsCut) {
  const std::vector<std::string> whole = read_in_pieces(k_stream, {});
  const std::vector<std::string> expected = {"GET /a?b  keep", "POST /b abc keep",
                                             "PUT /c abc keep", "GET /d  close", "400"};
  EXPECT_EQ(whole, expected);
  EXPECT_TRUE(rc::check([&] {
    const auto pieces =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 40));
    RC_ASSERT(read_in_pieces(k_stream, pieces) == whole);
  }));
}

TEST(RequestParser, SurvivesDamagedStreams) {
  EXPECT_TRUE(rc::check([&] {
    std::string damaged(k_stream);
    const auto places = *rc::gen::container<std::vector<std::size_t>>(
        rc::gen::inRange<std::size_t>(0, damaged.size()));
    for (const std::size_t place : places) damaged[place] = *rc::gen::arbitrary<char>();
    const auto pieces =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 200));
    RC_ASSERT(read_in_pieces(damaged, pieces).size() <= 2 * k_stream.size());
  }));
}

TEST(RequestParser, KeepsFieldsAsTheyWereSpelledAndOrdered) {
  RequestParser parser(k_head_max, k_body_max);
  parser.put("GET / HTTP/1.0\r\nX-Auth-TOKEN: a \r\nx-auth-token: b\r\n\r\n");
  ASSERT_TRUE(parser.complete());
  const ParsedRequest parsed = parser.take();
  EXPECT_TRUE(parsed.http_1_0);
  EXPECT_FALSE(parsed.keep_alive);
  const std::vector<std::pair<std::string, std::string>> fields(parsed.request.headers.begin(),
                                                                parsed.request.headers.end());
  const std::vector<std::pair<std::string, std::string>> expected = {{"X-Auth-TOKEN", "a"},
                                                                     {"x-auth-token", "b"}};
  EXPECT_EQ(fields, expected);
}

}  // namespace
}  // namespace hitless::net
