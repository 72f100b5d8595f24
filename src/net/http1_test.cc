#include "net/http1.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "net/http1_text.h"
#include "tests/support/refusal_corpus.h"

namespace hitless::net::http1 {
namespace {

using hitless::testing::RefusalCase;

// What became of one whole stream of bytes, read as one request.
struct Outcome {
  HeadEnd::State head = HeadEnd::State::incomplete;
  Fault fault = Fault::none;
  Body::State body = Body::State::more;
  std::string content;
  std::size_t used = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

enum class Kind { request, answer };

// Feeds the bytes in pieces cut at `cuts`, the way a connection would.
Outcome read(std::string_view bytes, const std::vector<std::size_t>& cuts,
             Kind kind = Kind::request) {
  static Head head;
  Outcome outcome;
  std::size_t scanned = 0;
  std::size_t head_size = 0;
  std::vector<std::size_t> ends = cuts;
  ends.push_back(bytes.size());
  std::size_t next = 0;
  for (; next < ends.size() && head_size == 0; ++next) {
    const HeadEnd end = find_head_end(bytes.substr(0, ends[next]), scanned);
    outcome.head = end.state;
    if (end.state == HeadEnd::State::bad) return outcome;
    head_size = end.size;
  }
  if (head_size == 0) return outcome;
  outcome.fault = kind == Kind::request ? parse_request(bytes.substr(0, head_size), head)
                                        : parse_answer(bytes.substr(0, head_size), false, head);
  outcome.used = head_size;
  if (outcome.fault != Fault::none) return outcome;
  Body body(head.framing, head.content_length);
  if (body.done()) outcome.body = Body::State::done;
  std::size_t at = head_size;
  for (--next; next < ends.size() && outcome.body == Body::State::more; ++next) {
    while (at < ends[next] && outcome.body == Body::State::more) {
      const Body::Piece piece = body.next(bytes.substr(at, ends[next] - at));
      outcome.content.append(piece.data);
      at += piece.used;
      outcome.body = piece.state;
    }
  }
  outcome.used = at;
  return outcome;
}

// tests/refusals/ without what only the gateway's limits refuse.
const std::vector<RefusalCase>& corpus() {
  static const std::vector<RefusalCase> k_cases = [] {
    std::vector<RefusalCase> cases =
        hitless::testing::read_refusals({.call = "/x", .token = "T: t\r\n"});
    std::erase_if(cases, [](const RefusalCase& one) { return one.by_limit; });
    return cases;
  }();
  return k_cases;
}

int status_of(const Outcome& outcome) {
  if (outcome.head == HeadEnd::State::bad) return 400;
  switch (outcome.fault) {
    case Fault::none: return outcome.body == Body::State::bad ? 400 : 200;
    case Fault::uri_too_long: return 414;
    case Fault::head_too_large: return 431;
    case Fault::not_implemented: return 501;
    case Fault::bad_version: return 505;
    default: return 400;
  }
}

TEST(Http1Request, IsReadAsTheCorpusSays) {
  const std::string next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const RefusalCase& one : corpus()) {
    const Outcome outcome = read(one.bytes + next, {});
    EXPECT_EQ(status_of(outcome), one.status) << one.name;
    if (!one.is_accepted()) continue;
    EXPECT_EQ(outcome.body, Body::State::done) << one.name;
    EXPECT_EQ(outcome.content, one.body) << one.name;
    EXPECT_EQ(outcome.used, one.bytes.size()) << one.name;
  }
}

TEST(Http1Request, WaitsForWhatIsNotThereYet) {
  for (const RefusalCase& one : corpus()) {
    if (!one.is_accepted()) continue;
    for (std::size_t size = 0; size < one.bytes.size(); ++size) {
      const Outcome outcome = read(std::string_view(one.bytes).substr(0, size), {});
      ASSERT_EQ(status_of(outcome), 200) << one.name << ", " << size;
      ASSERT_NE(outcome.body, Body::State::done) << one.name << ", " << size;
    }
  }
}

TEST(Http1Request, IsReadAlikeHoweverItIsCut) {
  std::mt19937 random(20261122);
  for (const RefusalCase& one : corpus()) {
    const Outcome whole = read(one.bytes, {});
    std::vector<std::size_t> every;
    for (std::size_t i = 0; i <= one.bytes.size(); ++i) every.push_back(i);
    EXPECT_EQ(read(one.bytes, every), whole) << one.name << ", byte by byte";
    for (int round = 0; round < 20; ++round) {
      std::vector<std::size_t> cuts;
      for (std::size_t at = 0; at < one.bytes.size(); at += 1 + random() % 40) cuts.push_back(at);
      EXPECT_EQ(read(one.bytes, cuts), whole) << one.name << ", round " << round;
    }
  }
}

// What the fields of a head are, as text.
std::string text_of(const Head& head) {
  std::string text(head.method);
  text.append(" ")
      .append(head.target)
      .append(head.status_and_reason)
      .append(std::to_string(head.status));
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    text.append("|").append(line.name).append("|").append(line.value).append("|").append(line.line);
  }
  return text.append("|").append(std::to_string(static_cast<int>(head.framing)));
}

Fault parse(std::string_view bytes, Kind kind, Head& head) {
  return kind == Kind::request ? parse_request(bytes, head) : parse_answer(bytes, false, head);
}

// All beginnings of usual heads; of the largest, whose reading is quadratic then, some.
constexpr std::size_t k_beginnings = 2000;
constexpr std::size_t k_beginnings_of_a_mutation = 20;

// One pass over bytes of which nobody knows where the head ends finds the head that was measured
// first, says nothing of what is behind it, and takes no beginning of it for the whole: of all, or
// of about so many.
void expect_one_pass_reads_what_was_measured(std::string_view bytes, Kind kind,
                                             std::size_t beginnings) {
  static Head head;
  std::size_t scanned = 0;
  const HeadEnd end = find_head_end(bytes, scanned);
  const Fault fault = parse(bytes, kind, head);
  if (end.state != HeadEnd::State::complete) {
    ASSERT_NE(fault, Fault::none);
    return;
  }
  ASSERT_NE(fault, Fault::incomplete);
  const std::string once = text_of(head);
  const std::size_t size = head.size;
  ASSERT_EQ(parse(bytes.substr(0, end.size), kind, head), fault);
  if (fault != Fault::none) return;
  ASSERT_EQ(size, end.size);
  ASSERT_EQ(text_of(head), once);
  const std::size_t stride = std::max<std::size_t>(1, end.size / beginnings);
  for (std::size_t cut = end.size % stride; cut < end.size; cut += stride) {
    ASSERT_EQ(parse(bytes.substr(0, cut), kind, head), Fault::incomplete) << cut;
  }
}

TEST(Http1Request, OnePassReadsWhatWasMeasured) {
  const std::string next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const RefusalCase& one : corpus()) {
    SCOPED_TRACE(one.name);
    ASSERT_NO_FATAL_FAILURE(
        expect_one_pass_reads_what_was_measured(one.bytes, Kind::request, k_beginnings));
    ASSERT_NO_FATAL_FAILURE(
        expect_one_pass_reads_what_was_measured(one.bytes + next, Kind::request, k_beginnings));
  }
}

// Mutations of valid messages: nothing crashes, and cuts never change the reading.
TEST(Http1Request, MutationsAreReadAlikeHoweverTheyAreCut) {
  std::mt19937 random(9112);
  const std::string_view alphabet =
      "\r\n :;,0aA\t\x7f"
      "chunked";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = corpus()[random() % corpus().size()].bytes;
    for (unsigned change = random() % 4; change > 0 && !bytes.empty(); --change) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0: bytes[at] = alphabet[random() % alphabet.size()]; break;
        case 1: bytes.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        default: bytes.erase(at, 1);
      }
    }
    std::vector<std::size_t> cuts;
    for (std::size_t at = random() % 9; at < bytes.size(); at += 1 + random() % 30) {
      cuts.push_back(at);
    }
    ASSERT_EQ(read(bytes, cuts), read(bytes, {})) << "round " << round;
    ASSERT_EQ(read(bytes, cuts, Kind::answer), read(bytes, {}, Kind::answer)) << "round " << round;
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(
        expect_one_pass_reads_what_was_measured(bytes, Kind::request, k_beginnings_of_a_mutation));
    const std::size_t first_end = bytes.find('\n');
    if (first_end == std::string::npos) continue;
    const std::string answer = "HTTP/1.1 200 OK\r\n" + bytes.substr(first_end + 1);
    ASSERT_NO_FATAL_FAILURE(
        expect_one_pass_reads_what_was_measured(answer, Kind::answer, k_beginnings_of_a_mutation));
  }
}

TEST(Http1Request, KnowsWhetherTheConnectionStays) {
  struct {
    const char* fields;
    int minor;
    bool keep_alive;
  } const rows[] = {
      {"", 1, true},
      {"Connection: close\r\n", 1, false},
      {"Connection: x, Close\r\n", 1, false},
      {"", 0, false},
      {"Connection: keep-alive\r\n", 0, true},
      {"Connection: keep-alive, close\r\n", 0, false},
  };
  Head head;
  for (const auto& row : rows) {
    const std::string bytes =
        "GET / HTTP/1." + std::to_string(row.minor) + "\r\nHost: a\r\n" + row.fields + "\r\n";
    ASSERT_EQ(parse_request(bytes, head), Fault::none);
    EXPECT_EQ(head.keep_alive, row.keep_alive) << bytes;
  }
}

TEST(Http1Answer, FramingFollowsStatusAndFields) {
  struct {
    const char* name;
    std::string bytes;
    bool to_head;
    Fault fault;
    Framing framing;
    bool keep_alive;
  } const rows[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, Fault::none,
       Framing::length, true},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Fault::none,
       Framing::chunked, true},
      {"to the end", "HTTP/1.1 200 OK\r\n\r\n", false, Fault::none, Framing::until_close, false},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, Fault::none,
       Framing::length, false},
      {"no reason", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", false, Fault::none,
       Framing::length, true},
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, Fault::none, Framing::none,
       true},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", false, Fault::none, Framing::none, true},
      {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, Fault::none,
       Framing::none, true},
      {"103", "HTTP/1.1 103 Early Hints\r\n\r\n", false, Fault::none, Framing::none, true},
      {"both", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false,
       Fault::bad_request, Framing::none, true},
      {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", false, Fault::bad_request, Framing::none,
       true},
      {"status 600", "HTTP/1.1 600 X\r\n\r\n", false, Fault::bad_request, Framing::none, true},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false, Fault::bad_request, Framing::none, true},
      {"gzip coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false,
       Fault::bad_request, Framing::none, true},
  };
  Head head;
  for (const auto& row : rows) {
    ASSERT_EQ(parse_answer(row.bytes, row.to_head, head), row.fault) << row.name;
    if (row.fault != Fault::none) continue;
    EXPECT_EQ(head.framing, row.framing) << row.name;
    EXPECT_EQ(head.keep_alive, row.keep_alive) << row.name;
  }
}

TEST(Http1Body, LeavesTheNextMessageAlone) {
  Body body(Framing::chunked, 0);
  const std::string_view bytes = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
  std::size_t used = 0;
  Body::Piece piece;
  do {
    piece = body.next(bytes.substr(used));
    used += piece.used;
  } while (piece.state == Body::State::more);
  EXPECT_EQ(piece.state, Body::State::done);
  EXPECT_EQ(bytes.substr(used), "GET / HTTP/1.1\r\n");
}

// Every byte at every place of texts of every length up to three words.
TEST(Http1Text, EightBytesAtATimeFindWhatOneFinds) {
  for (std::size_t size = 0; size <= 24; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(byte);
        const char* const end = text.data() + size;
        const char* const there = text.data() + at;
        ASSERT_EQ(token_end(text.data(), end), is_token_byte(text[at]) ? end : there) << byte;
        ASSERT_EQ(first_control(text.data(), end), is_control(text[at]) ? there : end) << byte;
        ASSERT_EQ(first_blank_or_control(text.data(), end),
                  is_control(text[at]) || is_blank(text[at]) ? there : end)
            << byte;
      }
    }
  }
}

// A tab is let pass, and makes its neighbours suspect.
TEST(Http1Text, WhatIsNextToAnOddByteIsJudgedByItself) {
  for (int left = 0; left < 256; ++left) {
    for (int right = 0; right < 256; ++right) {
      std::string text = "aaaaaaaa";
      text[2] = static_cast<char>(left);
      text[3] = static_cast<char>(right);
      const char* const begin = text.data();
      const char* expected = is_control(text[3]) ? begin + 3 : begin + 8;
      if (is_control(text[2])) expected = begin + 2;
      ASSERT_EQ(first_control(begin, begin + 8), expected) << left << " " << right;
      expected = is_token_byte(text[3]) ? begin + 8 : begin + 3;
      if (!is_token_byte(text[2])) expected = begin + 2;
      ASSERT_EQ(token_end(begin, begin + 8), expected) << left << " " << right;
    }
  }
}

TEST(Http1Text, NamesAreTheSameInSmallAndLargeLettersOnly) {
  const std::string name = "x-forwarded-for-y-abcdefgh";
  for (std::size_t size = 0; size <= name.size(); ++size) {
    const std::string small = name.substr(0, size);
    std::string large = small;
    for (char& byte : large) {
      if (byte >= 'a') byte = static_cast<char>(byte - 0x20);
    }
    EXPECT_TRUE(is_name(small, small));
    EXPECT_TRUE(is_name(large, small));
    EXPECT_FALSE(is_name(small + "a", small));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = large;
      other[at] = '_';
      EXPECT_FALSE(is_name(other, small)) << other;
    }
  }
}

TEST(Http1Body, ShowsItsTrailersHoweverTheyAreCut) {
  const std::string wire = "3\r\nabc\r\n0\r\nX-Sum: 3\r\nX-More: m\r\n\r\nGET";
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    Body body(Framing::chunked, 0);
    std::string data, trailers;
    for (std::string_view piece :
         {std::string_view(wire).substr(0, cut), std::string_view(wire).substr(cut)}) {
      while (!piece.empty() && !body.done()) {
        const Body::Piece next = body.next(piece);
        ASSERT_NE(next.state, Body::State::bad);
        data += next.data;
        trailers += next.trailers;
        piece.remove_prefix(next.used);
      }
    }
    EXPECT_EQ(data, "abc");
    EXPECT_EQ(trailers, "X-Sum: 3\r\nX-More: m\r\n\r\n") << "cut at " << cut;
  }
}

TEST(Http1Text, ListsAreReadWordByWord) {
  EXPECT_TRUE(list_has("a, Close ,b", "close"));
  EXPECT_FALSE(list_has("a, closed", "close"));
  EXPECT_FALSE(list_has("", "close"));
}

}  // namespace
}  // namespace hitless::net::http1
