// Reads HTTP/1.1 answers out of a stream of bytes: a reader of the load client's own, so that a
// defect in the product's codec does not hide itself.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hitless::tests {

struct Answer {
  int status = 0;
  std::string revision;  // of X-Hitless-Revision
  bool is_last = false;  // Connection: close
  bool is_chunked = false;
  std::string body;
};

class AnswerReader {
 public:
  void append(std::string_view bytes) { bytes_.append(bytes); }

  enum class State { incomplete, complete, malformed };
  // The next answer, taken out of the stream once it is complete.
  State next(Answer& answer);

  // Whether bytes of an answer have come that is not complete.
  bool has_begun() const { return !bytes_.empty(); }

  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

}  // namespace hitless::tests
