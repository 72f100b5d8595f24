// The requests of tests/refusals/http2/ and their trial on a gateway: what an HTTP/2 client can say
// that would be something else in the HTTP/1.1 that instances are spoken to in.  That folder's
// README.md says how they are written.
//
// Owner: one test, one thread; the instance has threads of its own.
#pragma once

#include "tests/support/http2_peer.h"
#include "tests/support/refusal_trial.h"

namespace hitless::testing {

struct Http2Case {
  std::string name;     // with its file's
  std::string section;  // "9113 8.2.1"
  // What the client sees: a reset of the stream, or an answer with this status; 200: accepted.
  bool is_reset = false;
  int status = 0;
  Http2Fields fields;
  std::vector<std::string> data;  // frames
  Http2Fields trailers;
  bool ends = true;  // the stream, with its last frame
  // What the instance gets of an accepted one.
  std::string method;
  std::string target;
  std::string body;
  // It may get that of a refused one, which was whole before what is wrong with it came.
  bool may_be_seen = false;

  bool is_accepted() const { return status == 200; }
};

namespace http2_refusals {

using refusal_corpus::after;
using refusal_corpus::expand;
using refusal_corpus::fail;

constexpr std::string_view k_empty = "\\e";

inline std::string text_of(std::string_view text, const RefusalWords& words) {
  return text == k_empty ? "" : expand(text, words);
}

inline std::pair<std::string, std::string> field_of(std::string_view text,
                                                    const RefusalWords& words) {
  // A blank within "${…}" is no end.
  std::size_t end = 0;
  for (int depth = 0; end < text.size() && (depth > 0 || text[end] != ' '); ++end) {
    depth += text.substr(end, 2) == "${" ? 1 : 0;
    depth -= depth > 0 && text[end] == '}' ? 1 : 0;
  }
  if (end >= text.size()) fail(text);
  return {text_of(text.substr(0, end), words), text_of(text.substr(end + 1), words)};
}

inline void replace(Http2Fields& fields, const std::pair<std::string, std::string>& by) {
  for (auto& field : fields) {
    if (field.first == by.first) return static_cast<void>(field.second = by.second);
  }
  fail(by.first);
}

inline bool read_request(Http2Case& one, std::string_view line, const RefusalWords& words) {
  if (const auto with = after(line, "with "); !with.empty()) {
    replace(one.fields, field_of(with, words));
  } else if (const auto without = after(line, "without "); !without.empty()) {
    std::erase_if(one.fields, [&](const auto& field) { return field.first == without; });
  } else if (const auto first = after(line, "first "); !first.empty()) {
    one.fields.insert(one.fields.begin(), field_of(first, words));
  } else if (const auto add = after(line, "add "); !add.empty()) {
    one.fields.push_back(field_of(add, words));
  } else if (const auto times = after(line, "times "); !times.empty()) {
    const std::size_t blank = times.find(' ');
    const auto field = field_of(times.substr(blank + 1), words);
    one.fields.insert(one.fields.end(), std::stoul(std::string(times.substr(0, blank))), field);
  } else if (const auto data = after(line, "data "); !data.empty()) {
    one.data.push_back(text_of(data, words));
  } else if (const auto trailer = after(line, "trailer "); !trailer.empty()) {
    one.trailers.push_back(field_of(trailer, words));
  } else if (const auto open = after(line, "open-trailer "); !open.empty()) {
    one.trailers.push_back(field_of(open, words));
    one.ends = false;
  } else {
    return false;
  }
  return true;
}

inline void read_sight(Http2Case& one, std::string_view sight, const RefusalWords& words) {
  const std::size_t first = sight.find(' ');
  const std::string_view rest = sight.substr(std::min(first, sight.size() - 1) + 1);
  one.method = sight.substr(0, first);
  one.target = expand(rest.substr(0, rest.find(' ')), words);
  if (rest.find(' ') == std::string_view::npos) return;
  one.body = expand(rest.substr(rest.find(' ') + 1), words);
}

inline void read_line(Http2Case& one, std::string_view line, const RefusalWords& words) {
  if (line == "reset") {
    one.is_reset = true;
  } else if (const auto section = after(line, "section "); !section.empty()) {
    one.section = section;
  } else if (const auto status = after(line, "status "); !status.empty()) {
    one.status = std::atoi(std::string(status).c_str());
  } else if (const auto may_see = after(line, "may-see "); !may_see.empty()) {
    one.may_be_seen = true;
    read_sight(one, may_see, words);
  } else if (const auto sees = after(line, "sees "); !sees.empty()) {
    one.status = 200;
    read_sight(one, sees, words);
  } else if (!read_request(one, line, words)) {
    fail(line);
  }
}

inline Http2Case good_case(const RefusalWords& words, const std::string& target) {
  constexpr std::string_view k_name_end = ": ";
  const std::size_t colon = words.token.find(k_name_end);
  const std::string value = words.token.substr(colon + k_name_end.size());
  Http2Case one;
  one.fields = {{":method", "POST"},
                {":scheme", "http"},
                {":authority", "test"},
                {":path", words.call + target},
                {"x-auth-token", value.substr(0, value.find('\r'))}};
  return one;
}

inline void read_file(const std::filesystem::path& path, const RefusalWords& words,
                      std::vector<Http2Case>& cases) {
  std::ifstream in(path);
  const std::size_t before = cases.size();
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      cases.push_back(good_case(words, "/first"));
      cases.back().name = path.stem().string() + ": " + line.substr(1, line.size() - 2);
    } else {
      if (cases.size() == before) fail(line);
      read_line(cases.back(), line, words);
    }
  }
  for (std::size_t i = before; i < cases.size(); ++i) {
    const Http2Case& one = cases[i];
    if (one.section.empty() || one.is_reset == (one.status >= 200)) fail(one.name);
  }
}

inline std::vector<Http2Case> read_all(const RefusalWords& words) {
  const char* root = std::getenv("HITLESS_ROOT");
  if (root == nullptr) fail("HITLESS_ROOT is not set");
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(root) / "tests" / "refusals" / "http2";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Http2Case> cases;
  for (const auto& file : files) read_file(file, words, cases);
  return cases;
}

// A head in as many frames as it needs.
inline std::string head_frames(std::uint32_t stream, const Http2Fields& fields, bool at_end) {
  constexpr std::size_t k_frame_bytes = 16 * 1024;
  const std::string block = literals(fields);
  std::string frames;
  std::size_t at = 0;
  do {
    const std::string piece = block.substr(at, k_frame_bytes);
    const bool is_first = at == 0;
    at += piece.size();
    const int flags = (at == block.size() ? Http2Frame::k_end_headers : 0) |
                      (is_first && at_end ? Http2Frame::k_end_stream : 0);
    const int type = is_first ? Http2Frame::headers : Http2Frame::continuation;
    frames += Http2Peer::frame(type, flags, stream, piece);
  } while (at < block.size());
  return frames;
}

inline std::string frames_of(std::uint32_t stream, const Http2Case& one) {
  const bool has_trailers = !one.trailers.empty();
  std::string frames =
      head_frames(stream, one.fields, one.ends && one.data.empty() && !has_trailers);
  for (std::size_t i = 0; i < one.data.size(); ++i) {
    const bool is_last = i + 1 == one.data.size() && !has_trailers;
    frames += Http2Peer::frame(Http2Frame::data, is_last ? Http2Frame::k_end_stream : 0, stream,
                               one.data[i]);
  }
  if (has_trailers) frames += head_frames(stream, one.trailers, one.ends);
  return frames;
}

}  // namespace http2_refusals

class Http2RefusalTrial {
 public:
  Http2RefusalTrial(Address gateway, const RefusalWords& words, WatchingUpstream& upstream)
      : gateway_(std::move(gateway)),
        upstream_(upstream),
        cases_(http2_refusals::read_all(words)),
        second_(http2_refusals::good_case(words, "/second")) {
    second_.data = {"ok"};
    second_.method = "POST";
    second_.target = "/second";
    second_.body = "ok";
  }

  // Each in one piece and cut in the middle, with another request behind it on another stream.
  void run() {
    std::size_t refused = 0;
    for (Http2Case one : cases_) {
      for (const std::size_t pieces : {1U, 2U}) {
        const ::testing::ScopedTrace trace(
            __FILE__, __LINE__,
            one.name + " (RFC " + one.section + "), in " + std::to_string(pieces) + " pieces");
        mark(one);
        try_one(one, pieces);
      }
      refused += one.is_accepted() ? 0 : 1;
    }
    EXPECT_TRUE(upstream_.take().requests.empty()) << "something came late";
    EXPECT_GT(refused, 200U);
    EXPECT_GT(cases_.size() - refused, 30U);
  }

 private:
  static constexpr const char* k_mark = "x-trial";

  // No answer waits for a request that only may be seen: it may come during a later trial, and its
  // mark tells which it is of.
  void mark(Http2Case& one) {
    if (!one.may_be_seen) return;
    std::erase_if(one.fields, [](const auto& field) { return field.first == k_mark; });
    one.fields.emplace_back(k_mark, std::to_string(marked_.size()));
    marked_.push_back(one);
  }

  const Http2Case& case_of(const StrictRequest& request, const Http2Case& one) const {
    const std::string number = request.field(k_mark);
    if (!number.empty()) return marked_.at(std::stoul(number));
    return request.target == second_.target ? second_ : one;
  }

  void try_one(const Http2Case& one, std::size_t pieces) {
    constexpr std::uint32_t k_protocol_error = 1;
    Http2Peer peer(gateway_);
    const std::string bytes =
        http2_refusals::frames_of(1, one) + http2_refusals::frames_of(3, second_);
    const std::size_t cut = bytes.size() / pieces;
    peer.connection().write(std::string_view(bytes).substr(0, cut));
    peer.connection().write(std::string_view(bytes).substr(cut));
    const Http2Answer second = peer.answer(3);
    EXPECT_EQ(second.status, 200);
    EXPECT_EQ(second.body, "served");
    const Http2Answer first = peer.answer(1);
    EXPECT_EQ(first.status, one.status);
    if (one.is_reset) {
      EXPECT_EQ(first.reset, k_protocol_error);
    } else {
      EXPECT_TRUE(first.whole);
    }
    if (one.status >= 400) {
      EXPECT_NE(first.fields.count("x-request-id"), 0U);
    }
    expect_seen(one, upstream_.take());
  }

  void expect_seen(const Http2Case& one, const WatchingUpstream::Seen& seen) const {
    const Http2Case& of_trial = one.may_be_seen ? marked_.back() : one;
    std::size_t firsts = 0;
    std::size_t seconds = 0;
    for (const StrictRequest& request : seen.requests) {
      const Http2Case& of = case_of(request, one);
      EXPECT_EQ(request.problem, "");
      EXPECT_EQ(request.target, of.target);
      EXPECT_EQ(request.method, of.method);
      EXPECT_EQ(request.body, of.body);
      seconds += &of == &second_ ? 1 : 0;
      firsts += &of == &of_trial ? 1 : 0;
    }
    EXPECT_EQ(seconds, 1U) << "on the other stream";
    EXPECT_LE(firsts, one.is_accepted() || one.may_be_seen ? 1U : 0U);
    EXPECT_GE(firsts, one.is_accepted() ? 1U : 0U);
    if (one.is_accepted()) return;
    EXPECT_EQ(seen.bytes.find("smuggled"), std::string::npos) << seen.bytes;
  }

  const Address gateway_;
  WatchingUpstream& upstream_;
  const std::vector<Http2Case> cases_;
  Http2Case second_;
  std::vector<Http2Case> marked_;  // by its mark
};

}  // namespace hitless::testing
