// libFuzzer: whatever fields an HTTP/2 request has, what is written of it is one HTTP/1.1 head, and
// has no field that the request did not have.
//
// The input: fields, each as a length and its bytes, a name and a value in turns.  The names of
// pseudo-fields have one-byte short forms.
#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/http2_head.h"
#include "tests/fuzz/must.h"

namespace {

using namespace hitless;

constexpr std::array<std::string_view, 8> k_names = {
    ":method", ":scheme", ":authority", ":path", "host", "cookie", "content-length", "te"};

std::string_view take(std::string_view& bytes) {
  if (bytes.empty()) return {};
  const std::size_t size = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(taken.size());
  return taken;
}

std::string_view name_of(std::string_view text) {
  if (text.size() != 1) return text;
  return k_names[static_cast<std::uint8_t>(text.front()) % k_names.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static net::http1::Head head;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  const bool at_end = (bytes.front() & 1) != 0;
  bytes.remove_prefix(1);
  gateway::Http2RequestHead request(4096);
  std::size_t fields = 0;
  while (!bytes.empty()) {
    const std::string_view name = name_of(take(bytes));
    if (!request.add(name, take(bytes))) return 0;
    ++fields;
  }
  std::string text;
  if (request.is_too_large() || !request.write(text, at_end)) return 0;
  std::size_t scanned = 0;
  const net::http1::HeadEnd end = net::http1::find_head_end(text, scanned);
  must(end.state == net::http1::HeadEnd::State::complete && end.size == text.size());
  if (net::http1::parse_request(text, head) != net::http1::Fault::none) return 0;
  // Besides those of the request there is what says how long its body is.
  must(head.field_count <= fields + 1);
  const bool has_body = head.framing == net::http1::Framing::chunked;
  must(has_body == request.is_chunked(at_end));
  return 0;
}
