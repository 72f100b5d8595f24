// libFuzzer: a stream of events read whole and read in two pieces gives the same events, and an
// event that was read and is written again is read as the same.  The first byte says where the cut
// is.
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/event_stream.h"
#include "tests/fuzz/must.h"

namespace {

using hitless::net::Event;
using hitless::net::EventParser;

constexpr std::size_t k_event_bytes_max = 4096;

std::vector<Event> read(std::string_view bytes, std::size_t cut) {
  EventParser parser(k_event_bytes_max);
  std::vector<Event> events;
  const auto take = [&](Event event) { events.push_back(std::move(event)); };
  if (parser.put(bytes.substr(0, cut), take)) (void)parser.put(bytes.substr(cut), take);
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] * bytes.size() / 256;
  const std::vector<Event> events = read(bytes, bytes.size());
  must(events == read(bytes, cut));
  for (const Event& event : events) {
    if (event.type.find('\0') != std::string::npos) continue;  // may be read, is never written
    const std::string text = to_stream_text(event);
    if (read(text, text.size()) != std::vector<Event>{event}) std::abort();
  }
  return 0;
}
