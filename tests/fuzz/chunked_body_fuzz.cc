// libFuzzer: a chunked body is decoded as a plain reading of RFC 9112 section 7.1 decodes it, in
// one piece and in pieces.  The first two bytes say where the cuts are.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http1.h"
#include "tests/fuzz/must.h"

namespace {

using hitless::net::http1::Body;
using hitless::net::http1::Framing;

struct Reading {
  Body::State state = Body::State::more;
  std::string content;
  std::size_t used = 0;  // when done
  bool operator==(const Reading&) const = default;
};

// The limits of the decoder.
constexpr std::size_t k_digits_max = 15;
constexpr std::size_t k_extension_max = 256;
constexpr std::size_t k_trailers_max = 8 * 1024;

bool is_text(char byte) {
  const auto value = static_cast<std::uint8_t>(byte);
  return (value >= 0x20 || value == '\t') && value != 0x7f;
}

bool is_token(char byte) {
  const auto value = static_cast<std::uint8_t>(byte);
  return value > 0x20 && value < 0x7f &&
         std::string_view("\"(),/:;<=>?@[\\]{}").find(byte) == std::string_view::npos;
}

bool is_forbidden(std::string name) {
  for (char& byte : name) byte = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
  for (const char* each : {"content-length", "transfer-encoding", "host", "connection", "te",
                           "trailer", "upgrade", "expect", "keep-alive", "proxy-connection",
                           "authorization", "content-type", "content-encoding", "content-range"}) {
    if (name == each) return true;
  }
  return false;
}

// The whole input at once, line by line.
class Reference {
 public:
  explicit Reference(std::string_view bytes) : bytes_(bytes) {}

  Reading read() {
    while (size_line() && size_ > 0 && data()) {
    }
    while (is_open() && !is_last_ && trailer()) {
    }
    if (is_open() && is_last_) reading_.state = Body::State::done;
    reading_.used = reading_.state == Body::State::done ? at_ : 0;
    return reading_;
  }

 private:
  bool is_open() const { return reading_.state == Body::State::more && !is_short_; }
  bool bad() {
    reading_.state = Body::State::bad;
    return false;
  }
  bool cut() {
    is_short_ = true;
    return false;
  }
  bool has(std::size_t more = 0) const { return at_ + more < bytes_.size(); }
  bool expect(char wanted) {
    if (!has()) return cut();
    return bytes_[at_++] == wanted || bad();
  }

  bool size_line() {
    std::size_t digits = 0;
    extension_ = size_ = 0;
    for (;
         has() && std::string_view("0123456789abcdefABCDEF").find(bytes_[at_]) != std::string::npos;
         ++at_) {
      if (++digits > k_digits_max) return bad();
      size_ = size_ * 16 + std::stoul(std::string(1, bytes_[at_]), nullptr, 16);
    }
    if (!has()) return cut();
    if (digits == 0 || (bytes_[at_] != ';' && bytes_[at_] != '\r')) return bad();
    for (; has() && bytes_[at_] != '\r'; ++at_) {
      if (!is_text(bytes_[at_]) || ++extension_ > k_extension_max) return bad();
    }
    return expect('\r') && expect('\n');
  }

  bool data() {
    const std::size_t here = std::min(size_, bytes_.size() - at_);
    reading_.content += bytes_.substr(at_, here);
    at_ += here;
    return expect('\r') && expect('\n');
  }

  // One line, or the empty one.  All trailers count together, with the last extension.
  bool trailer() {
    std::string name;
    const auto count = [this] { return ++extension_ <= k_trailers_max; };
    if (!has()) return cut();
    if (bytes_[at_] == '\r') {
      if (!count()) return bad();
      ++at_;
      is_last_ = true;
      return expect('\n');
    }
    for (; has() && bytes_[at_] != ':'; ++at_) {
      if (!count() || !is_token(bytes_[at_])) return bad();
      name += bytes_[at_];
    }
    if (!has()) return cut();
    if (!count() || name.empty() || is_forbidden(name)) return bad();
    for (++at_; has() && bytes_[at_] != '\r'; ++at_) {
      if (!count() || !is_text(bytes_[at_])) return bad();
    }
    if (has() && !count()) return bad();
    return expect('\r') && expect('\n');
  }

  const std::string_view bytes_;
  Reading reading_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  std::size_t extension_ = 0;
  bool is_last_ = false;
  bool is_short_ = false;
};

Reading read(std::string_view bytes, std::size_t first, std::size_t second) {
  Body body(Framing::chunked, 0);
  Reading reading;
  std::size_t at = 0;
  for (const std::size_t limit : {std::min(first, second), std::max(first, second), bytes.size()}) {
    while (at < limit && reading.state == Body::State::more) {
      const Body::Piece piece = body.next(bytes.substr(at, limit - at));
      must(piece.used > 0 && piece.used <= limit - at);
      at += piece.used;
      reading.content += piece.data;
      reading.state = piece.state;
    }
  }
  must(body.done() == (reading.state == Body::State::done));
  reading.used = body.done() ? at : 0;
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Reading wanted = Reference(bytes).read();
  must(read(bytes, bytes.size(), bytes.size()) == wanted);
  const auto cut = [&](std::uint8_t share) { return share * bytes.size() / 256; };
  must(read(bytes, cut(data[0]), cut(data[1])) == wanted);
  return 0;
}
