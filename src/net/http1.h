// HTTP/1.1 messages as bytes, for the gateway's data path (RFC 9112, read strictly).
//
// Pure: no I/O, no allocation, any thread.  A head that came whole is parsed in one pass, one that
// came in pieces once it is whole; bodies are followed byte range by byte range, wherever the
// network cut them.  What two parsers could read in two ways is refused: Content-Length with
// Transfer-Encoding, differing lengths, folded lines, bare CR or LF, NUL and other controls, a
// blank before a colon, odd chunk sizes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hitless::net::http1 {

// What a field means for the message's framing and for the hop it travels on.
enum class Field : std::uint8_t {
  other,
  host,
  content_length,
  transfer_encoding,
  connection,
  keep_alive,
  proxy_connection,
  te,
  upgrade,
  expect,
};

struct FieldLine {
  std::string_view name;
  std::string_view value;  // without blanks around it
  std::string_view line;   // as received, with its CRLF
  Field field = Field::other;
};

// How the end of a body is known.
enum class Framing : std::uint8_t { none, length, chunked, until_close };

// Why a head is refused.  bad_request … not_implemented answer a request; an answer that is
// refused for any reason is bad.
enum class Fault : std::uint8_t {
  none,
  incomplete,       // the bytes end before the head does
  bad_request,      // 400
  uri_too_long,     // 414
  head_too_large,   // 431
  not_implemented,  // 501: a transfer coding that is not chunked
  bad_version,      // 505
};

// More fields than this in one head are an attack (Apache's limit is 100).
inline constexpr std::size_t k_fields_max = 128;

// A parsed head: views into the bytes it was parsed from.  Large; callers keep one and reuse it.
struct Head {
  std::string_view method;  // requests
  std::string_view target;  // requests: as sent
  int status = 0;           // answers
  // Answers: "200 OK"; at least the status.
  std::string_view status_and_reason;
  int minor = 1;         // of HTTP/1.x
  std::size_t size = 0;  // bytes of the whole head, with the empty lines around it

  std::size_t field_count = 0;
  std::array<FieldLine, k_fields_max> fields;

  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // the sender allows another message on this connection
  bool expect_continue = false;
  bool upgrade = false;         // Upgrade, named by Connection too
  std::string_view host;        // requests; of the target when that is absolute
  std::string_view connection;  // the value when there is one Connection field
  std::string_view keep_alive_value;
  bool connection_names_fields = false;  // Connection names more than close, keep-alive, upgrade
};

// Where a head ends that comes in pieces, found without looking at a byte twice.
struct HeadEnd {
  enum class State : std::uint8_t { incomplete, complete, bad } state = State::incomplete;
  std::size_t size = 0;
};
// `scanned` starts at 0, belongs to the message and is carried from call to call as bytes grow.
HeadEnd find_head_end(std::string_view bytes, std::size_t& scanned);

// `bytes` begin with a head; head.size says where it ends, and what is behind is not looked at.  As
// each call begins at the front, bytes that may be incomplete are given once, and then measured by
// find_head_end() until they are whole.
Fault parse_request(std::string_view bytes, Head& head);
// `to_head`: answers to HEAD have no body whatever they say.
Fault parse_answer(std::string_view bytes, bool to_head, Head& head);

// Whether a field's name (a token) is this one, which is written in small letters and hyphens.
// In a token, setting the bit that tells small letters from large ones makes no other byte a letter
// or a hyphen.
inline bool is_name(std::string_view token, std::string_view name) {
  const auto differs = [&]<class Word>(std::size_t at, Word) {
    Word left = 0;
    Word right = 0;
    std::memcpy(&left, token.data() + at, sizeof left);
    std::memcpy(&right, name.data() + at, sizeof right);
    return (left | static_cast<Word>(0x2020202020202020)) != right;
  };
  if (token.size() != name.size()) return false;
  const std::size_t size = name.size();
  if (size < 4) {
    for (std::size_t at = 0; at < size; ++at) {
      if ((token[at] | 0x20) != name[at]) return false;
    }
    return true;
  }
  // The last word overlaps the one before.
  if (size < 8) return !differs(0, std::uint32_t{}) && !differs(size - 4, std::uint32_t{});
  for (std::size_t at = 0; at + 8 < size; at += 8) {
    if (differs(at, std::uint64_t{})) return false;
  }
  return !differs(size - 8, std::uint64_t{});
}
// Equal without regard to case (ASCII).
bool same_text(std::string_view left, std::string_view right);
// Whether a comma-separated list has that word.
bool list_has(std::string_view list, std::string_view word);
bool is_token(std::string_view text);

// Follows one body to its end.
class Body {
 public:
  enum class State : std::uint8_t { more, done, bad };
  struct Piece {
    std::size_t used = 0;   // bytes of the input that belong to the message, framing included
    std::string_view data;  // the content among them
    State state = State::more;
    std::string_view trailers = {};  // of the input too: lines behind the last chunk, the empty one
  };

  Body() = default;
  Body(Framing framing, std::uint64_t content_length);

  // Takes what it can from the front.  Call again with the rest while it is `more` and not empty.
  Piece next(std::string_view bytes);

  bool done() const { return stage_ == Stage::done; }
  // Chunked: the last one is whole, and of the next one nothing has come; or what is missing behind
  // the content of the last one.
  bool is_between_chunks() const { return stage_ == Stage::size_first; }
  std::size_t chunk_end_left() const {
    return stage_ == Stage::data_cr ? 2 : (stage_ == Stage::data_lf ? 1 : 0);
  }
  Framing framing() const { return framing_; }
  // At the connection's end: was that the end of the body?
  bool complete_at_close() const { return done() || framing_ == Framing::until_close; }

 private:
  enum class Stage : std::uint8_t {
    raw,  // until_close
    data,
    size_first,
    size,
    extension,
    size_lf,
    chunk_data,
    data_cr,
    data_lf,
    line_start,  // of a trailer line
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    bad,
  };
  Piece next_chunked(std::string_view bytes);
  bool is_in_trailers() const;
  Stage after(char byte);
  Stage after_size(char byte);
  Stage after_trailer(char byte);

  Framing framing_ = Framing::none;
  Stage stage_ = Stage::done;
  std::uint64_t left_ = 0;       // of the content or of the chunk
  std::uint32_t overhead_ = 0;   // bytes of this extension, or of all trailers
  std::uint8_t digits_ = 0;      // of this chunk size
  std::uint8_t name_size_ = 0;   // of this trailer's name
  std::array<char, 20> name_{};  // its beginning, lower case
};

}  // namespace hitless::net::http1
