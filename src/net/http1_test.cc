#include "net/http1.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "net/http1_text.h"

namespace hitless::net::http1 {
namespace {

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

struct Row {
  const char* name;
  std::string bytes;
  Fault fault;       // of the head
  bool head_is_bad;  // refused before it is whole
  Body::State body;
};

const std::string k_host = "Host: a\r\n";
const std::string k_chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

using enum Body::State;

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\n" + fields + "\r\n";
}
Row ok(const char* name, std::string bytes, Body::State body = done) {
  return {name, std::move(bytes), Fault::none, false, body};
}
Row refused(const char* name, std::string bytes, Fault fault = Fault::bad_request) {
  return {name, std::move(bytes), fault, false, more};
}
Row unreadable(const char* name, std::string bytes) {
  return {name, std::move(bytes), Fault::none, true, more};
}
Row chunks(const char* name, const std::string& body, Body::State state) {
  return {name, k_chunked + body, Fault::none, false, state};
}

std::vector<Row> well_formed() {
  return {
      ok("plain", get(k_host)),
      ok("one empty line before", "\r\n" + get(k_host)),
      ok("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
      ok("unknown minor version", "GET / HTTP/1.7\r\nHost: a\r\n\r\n"),
      ok("absolute form", "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
      ok("empty value", get(k_host + "X:\r\n")),
      ok("tab in a value", get(k_host + "X: a\tb\r\n")),
      ok("bytes above 127", get(k_host + "X: \xc3\xa4\r\n")),
      ok("length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
      ok("length, not all there", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc",
         more),
      ok("length 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
  };
}

std::vector<Row> bad_heads() {
  return {
      unreadable("two empty lines before", "\r\n\r\n" + get(k_host)),
      unreadable("bare LF at a line's end", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
      unreadable("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
      unreadable("LF first", "\nGET / HTTP/1.1\r\n\r\n"),
      unreadable("blank first", " GET / HTTP/1.1\r\n\r\n"),
      unreadable("TLS", std::string("\x16\x03\x01\x00\xa5\x01", 6)),
      refused("bare CR in a value", get(k_host + "X: a\rb\r\n")),
      refused("NUL in a value", get(k_host + std::string("X: a\0b\r\n", 8))),
      refused("DEL in a value", get(k_host + "X: a\x7f\r\n")),
      refused("folded line", get(k_host + "X: a\r\n b\r\n")),
      refused("first line folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
      refused("blank before the colon", get("Host : a\r\n")),
      refused("no colon", get(k_host + "X\r\n")),
      refused("no name", get(k_host + ": a\r\n")),
      refused("name is no token", get(k_host + "X[]: a\r\n")),
      refused("no Host", get("")),
      refused("two Hosts", get(k_host + k_host)),
      refused("two Hosts in one", get("Host: a, b\r\n")),
      refused("Host with user", get("Host: u@a\r\n")),
      refused("no version", "GET /\r\nHost: a\r\n\r\n"),
      refused("two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused("blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused("tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused("control in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"),
      refused("blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
      refused("method is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", Fault::bad_version),
      refused("HTTP/0.9 by number", "GET / HTTP/0.9\r\n\r\n", Fault::bad_version),
      refused("long target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n",
              Fault::uri_too_long),
      refused("too many fields",
              get(k_host +
                  [] {
                    std::string many;
                    for (std::size_t i = 0; i < k_fields_max; ++i) many += "X: a\r\n";
                    return many;
                  }()),
              Fault::head_too_large),
  };
}

std::vector<Row> bad_framing() {
  return {
      refused("length and chunked",
              get(k_host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
      refused("chunked and length",
              get(k_host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")),
      refused("two lengths that differ",
              get(k_host + "Content-Length: 3\r\nContent-Length: 4\r\n")),
      refused("two equal lengths", get(k_host + "Content-Length: 3\r\nContent-Length: 3\r\n")),
      refused("list of lengths", get(k_host + "Content-Length: 3, 3\r\n")),
      refused("negative length", get(k_host + "Content-Length: -1\r\n")),
      refused("signed length", get(k_host + "Content-Length: +1\r\n")),
      refused("hex length", get(k_host + "Content-Length: 0x1\r\n")),
      refused("empty length", get(k_host + "Content-Length:\r\n")),
      refused("huge length", get(k_host + "Content-Length: 99999999999999999999\r\n")),
      refused("length with a blank inside", get(k_host + "Content-Length: 1 2\r\n")),
      refused("unknown coding", get(k_host + "Transfer-Encoding: gzip\r\n"),
              Fault::not_implemented),
      refused("coding in front of chunked", get(k_host + "Transfer-Encoding: gzip, chunked\r\n"),
              Fault::not_implemented),
      refused("chunked twice", get(k_host + "Transfer-Encoding: chunked, chunked\r\n"),
              Fault::not_implemented),
      refused("two coding fields",
              get(k_host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
      refused("hidden coding", get(k_host + "Transfer-Encoding: \x0b"
                                            "chunked\r\n")),
      refused("coding behind a blank", get(k_host + "Transfer-Encoding : chunked\r\n")),
      refused("quoted coding", get(k_host + "Transfer-Encoding: \"chunked\"\r\n"),
              Fault::not_implemented),
      refused("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  };
}

std::vector<Row> chunked_bodies() {
  return {
      chunks("one chunk", "3\r\nabc\r\n0\r\n\r\n", done),
      chunks("two chunks, leading zeros, upper case", "003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
             done),
      chunks("extension", "3;a=b\r\nabc\r\n0;x\r\n\r\n", done),
      chunks("trailers", "3\r\nabc\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", done),
      chunks("cut", "3\r\nab", more),
      chunks("no size", "\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("size is no hex", "g\r\nabc\r\n", Body::State::bad),
      chunks("signed size", "+3\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("prefixed size", "0x3\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("blank before the size", " 3\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("blank behind the size", "3 \r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("bare LF behind the size", "3\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("LF in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n", Body::State::bad),
      chunks("size too large", "1000000000000000\r\nabc", Body::State::bad),
      chunks("long extension", "3;" + std::string(300, 'a') + "\r\nabc\r\n0\r\n\r\n",
             Body::State::bad),
      chunks("no CRLF behind the data", "3\r\nabcd\r\n0\r\n\r\n", Body::State::bad),
      chunks("LF behind the data", "3\r\nabc\n0\r\n\r\n", Body::State::bad),
      chunks("framing in a trailer", "0\r\nContent-Length: 3\r\n\r\n", Body::State::bad),
      chunks("coding in a trailer", "0\r\ntransfer-ENCODING: chunked\r\n\r\n", Body::State::bad),
      chunks("folded trailer", "0\r\nX: a\r\n b\r\n\r\n", Body::State::bad),
      chunks("bare LF in a trailer", "0\r\nX: a\nY: b\r\n\r\n", Body::State::bad),
      chunks("bare LF at the end", "0\r\n\n", Body::State::bad),
      chunks("many trailers", "0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", Body::State::bad),
  };
}

std::vector<Row> corpus() {
  std::vector<Row> rows;
  for (auto part : {well_formed(), bad_heads(), bad_framing(), chunked_bodies()}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

TEST(Http1Request, IsReadAsTheCorpusSays) {
  for (const Row& row : corpus()) {
    const Outcome outcome = read(row.bytes, {});
    EXPECT_EQ(outcome.head == HeadEnd::State::bad, row.head_is_bad) << row.name;
    if (row.head_is_bad) continue;
    EXPECT_EQ(outcome.head, HeadEnd::State::complete) << row.name;
    EXPECT_EQ(outcome.fault, row.fault) << row.name;
    if (row.fault == Fault::none) {
      EXPECT_EQ(outcome.body, row.body) << row.name;
    }
  }
}

TEST(Http1Request, IsReadAlikeHoweverItIsCut) {
  std::mt19937 random(20261122);
  for (const Row& row : corpus()) {
    const Outcome whole = read(row.bytes, {});
    std::vector<std::size_t> every;
    for (std::size_t i = 0; i <= row.bytes.size(); ++i) every.push_back(i);
    EXPECT_EQ(read(row.bytes, every), whole) << row.name << ", byte by byte";
    for (int round = 0; round < 20; ++round) {
      std::vector<std::size_t> cuts;
      for (std::size_t at = 0; at < row.bytes.size(); at += 1 + random() % 40) cuts.push_back(at);
      EXPECT_EQ(read(row.bytes, cuts), whole) << row.name << ", round " << round;
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

// One pass over bytes of which nobody knows where the head ends finds the head that was measured
// first, says nothing of what is behind it, and takes no beginning of it for the whole.
void expect_one_pass_reads_what_was_measured(std::string_view bytes, Kind kind) {
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
  for (std::size_t cut = 0; cut < end.size; ++cut) {
    ASSERT_EQ(parse(bytes.substr(0, cut), kind, head), Fault::incomplete) << cut;
  }
}

TEST(Http1Request, OnePassReadsWhatWasMeasured) {
  for (const Row& row : corpus()) {
    SCOPED_TRACE(row.name);
    ASSERT_NO_FATAL_FAILURE(expect_one_pass_reads_what_was_measured(row.bytes, Kind::request));
    ASSERT_NO_FATAL_FAILURE(
        expect_one_pass_reads_what_was_measured(row.bytes + get(k_host), Kind::request));
  }
}

// Mutations of valid messages: nothing crashes, and cuts never change the reading.
TEST(Http1Request, MutationsAreReadAlikeHoweverTheyAreCut) {
  std::mt19937 random(9112);
  const std::vector<Row> rows = corpus();
  const std::string_view alphabet =
      "\r\n :;,0aA\t\x7f"
      "chunked";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = rows[random() % rows.size()].bytes;
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
    ASSERT_NO_FATAL_FAILURE(expect_one_pass_reads_what_was_measured(bytes, Kind::request));
    const std::size_t first_end = bytes.find('\n');
    if (first_end == std::string::npos) continue;
    const std::string answer = "HTTP/1.1 200 OK\r\n" + bytes.substr(first_end + 1);
    ASSERT_NO_FATAL_FAILURE(expect_one_pass_reads_what_was_measured(answer, Kind::answer));
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

TEST(Http1Text, ListsAreReadWordByWord) {
  EXPECT_TRUE(list_has("a, Close ,b", "close"));
  EXPECT_FALSE(list_has("a, closed", "close"));
  EXPECT_FALSE(list_has("", "close"));
}

}  // namespace
}  // namespace hitless::net::http1
