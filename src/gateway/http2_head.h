// Heads between HTTP/2's fields and HTTP/1.1's text.  Pure.
//
// A request is written as a strict HTTP/1.1 head and then read by the parser that reads every
// other, so both versions meet the same checks.  What RFC 9113 sections 8.1 to 8.3 call malformed
// is refused here; nothing that is written could be read as more than one field or message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/http1.h"
#include "net/http2_session.h"

namespace hitless::gateway {

// One request's head: the fields as they come, then the text.
class Http2RequestHead {
 public:
  explicit Http2RequestHead(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: malformed.  Fields beyond the limit are dropped, see is_too_large().
  bool add(std::string_view name, std::string_view value);
  bool is_too_large() const { return bytes_ > bytes_max_; }

  // Appends the head; false: malformed.  `at_end`: no body follows.
  bool write(std::string& out, bool at_end) const;
  // After write(): the body goes in chunks, because nobody said how long it is.
  bool is_chunked(bool at_end) const { return !at_end && length_.empty(); }
  bool is_head() const { return method_ == "HEAD"; }

 private:
  bool add_pseudo(std::string_view name, std::string_view value);
  bool add_regular(std::string_view name, std::string_view value);
  bool is_complete() const;

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;  // as RFC 9113 section 10.5.1 counts
  std::string method_, scheme_, authority_, path_;
  std::string host_, cookies_, length_;
  std::string lines_;      // of all other fields
  std::uint8_t seen_ = 0;  // pseudo-fields, a bit each
  bool regular_begun_ = false;
};

// The fields of a request's trailers as lines; false: malformed.
bool add_trailer(std::string& lines, std::string_view name, std::string_view value);

// An answer's head without what belongs to an HTTP/1.1 hop.  `text` keeps what the fields view.
void to_http2(const net::http1::Head& head, std::string& text,
              std::vector<net::Http2Field>& fields);
// The lines of trailers, ending with an empty one.
void to_http2(std::string_view lines, std::string& text, std::vector<net::Http2Field>& fields);

}  // namespace hitless::gateway
