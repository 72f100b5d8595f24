// libFuzzer: one input read whole and read in two pieces gives the same reading, as a request and
// as an answer, and so does one pass over a head that was not measured before.  The first byte says
// where the cut is.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http1.h"
#include "tests/fuzz/must.h"

namespace {

using namespace hitless::net::http1;

struct Reading {
  HeadEnd::State head = HeadEnd::State::incomplete;
  Fault fault = Fault::none;
  Body::State body = Body::State::more;
  std::size_t used = 0;
  std::size_t content = 0;
  bool operator==(const Reading&) const = default;
};

Reading read(std::string_view bytes, std::size_t cut, bool request) {
  static Head head;
  Reading reading;
  std::size_t scanned = 0;
  HeadEnd end = find_head_end(bytes.substr(0, cut), scanned);
  if (end.state == HeadEnd::State::incomplete) end = find_head_end(bytes, scanned);
  reading.head = end.state;
  if (end.state != HeadEnd::State::complete) return reading;
  const std::string_view text = bytes.substr(0, end.size);
  reading.fault = request ? parse_request(text, head) : parse_answer(text, false, head);
  if (reading.fault != Fault::none) return reading;
  Body body(head.framing, head.content_length);
  std::size_t at = end.size;
  if (body.done()) reading.body = Body::State::done;
  for (const std::size_t limit : {cut, bytes.size()}) {
    while (at < limit && reading.body == Body::State::more) {
      const Body::Piece piece = body.next(bytes.substr(at, limit - at));
      must(piece.used <= limit - at);
      at += piece.used;
      reading.content += piece.data.size();
      reading.body = piece.state;
    }
  }
  reading.used = at;
  return reading;
}

// What one pass finds, as far as the measured reading says it too.
void check_one_pass(std::string_view bytes, bool request, const Reading& measured) {
  static Head head;
  const Fault fault = request ? parse_request(bytes, head) : parse_answer(bytes, false, head);
  if (measured.head != HeadEnd::State::complete) {
    if (fault == Fault::none) std::abort();
  } else if (fault != measured.fault) {
    std::abort();
  }
  std::size_t scanned = 0;
  if (fault == Fault::none && head.size != find_head_end(bytes, scanned).size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] * bytes.size() / 256;
  for (const bool request : {true, false}) {
    const Reading whole = read(bytes, bytes.size(), request);
    must(read(bytes, cut, request) == whole);
    check_one_pass(bytes, request, whole);
  }
  return 0;
}
