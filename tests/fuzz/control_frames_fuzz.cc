// libFuzzer: frames of the control link give the same messages in one piece and in two, and what a
// message was read as is written and read again as the same.  The first byte says where the cut is;
// an odd one puts a frame's header before the rest.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/control_frames.h"
#include "model/route.h"
#include "tests/fuzz/must.h"

namespace {

using namespace hitless;

struct Reading {
  std::vector<json::object> messages;
  bool failed = false;
  bool operator==(const Reading&) const = default;
};

Reading read(std::string_view bytes, std::size_t cut) {
  gateway::FrameReader reader;
  Reading reading;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    reader.append(piece);
    while (!reading.failed) {
      auto message = reader.next();
      reading.failed = !message.has_value();
      if (reading.failed || !message->has_value()) break;
      reading.messages.push_back(**message);
    }
  }
  return reading;
}

// As the other end of the link gets it.
json::object sent(const json::value& message) {
  const Reading reading = read(gateway::encode_frame(message), 3);
  must(!reading.failed && reading.messages.size() == 1);
  return reading.messages.front();
}

void round_trips(const json::object& message) {
  if (const auto hello = gateway::hello_from_json(message); hello.has_value()) {
    const auto other = gateway::hello_from_json(sent(gateway::to_json(*hello)));
    must(other.has_value());
    must(other->gateway == hello->gateway && other->pid == hello->pid);
    must(other->listen == hello->listen && other->adopted == hello->adopted);
  }
  if (const auto change = gateway::usage_change_from_json(message); change.has_value()) {
    const auto other = gateway::usage_change_from_json(sent(gateway::to_json(*change)));
    must(other.has_value());
    must(other->whole == change->whole && other->usage == change->usage);
    must(other->gone == change->gone);
  }
  if (const auto table = model::route_table_from_json(message); table.has_value()) {
    must(model::check(*table).has_value());
    const auto other = model::route_table_from_json(sent(model::to_json(*table)));
    must(other.has_value() && *other == *table);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.insert(bytes.begin(), static_cast<char>(((size - 1) >> shift) & 0xff));
    }
  }
  const std::size_t cut = data[0] * bytes.size() / 256;
  const Reading whole = read(bytes, bytes.size());
  must(read(bytes, cut) == whole);
  for (const json::object& message : whole.messages) round_trips(message);
  return 0;
}
