#include "net/event_stream.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::net {
namespace {

constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

std::string to_stream_text(const Event& event) {
  HL_CHECK(is_one_line(event.type) && is_one_line(event.id));
  std::string out;
  out.reserve(event.data.size() + 64);
  if (!event.id.empty()) out.append("id: ").append(event.id).append("\n");
  if (!event.type.empty()) out.append("event: ").append(event.type).append("\n");
  std::string_view rest = event.data;
  for (;;) {
    const std::size_t end = rest.find_first_of("\r\n");
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    const bool both = rest.substr(end).starts_with("\r\n");
    rest.remove_prefix(end + (both ? 2 : 1));
  }
  return out.append("\n");
}

std::string_view stream_heartbeat() {
  return ":\n\n";
}

Result<void> EventParser::put(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + data_.size() + end > event_bytes_max_) {
      return Error(Code::exhausted, "an event of the stream is too large");
    }
    line_.append(bytes.substr(0, end));
    bytes.remove_prefix(end);
    if (bytes.empty()) break;
    after_cr_ = bytes.front() == '\r';
    bytes.remove_prefix(1);
    end_line(take);
  }
  return {};
}

void EventParser::end_line(const Take& take) {
  std::string_view line = line_;
  if (line_is_first_ && line.starts_with(k_byte_order_mark)) line.remove_prefix(3);
  line_is_first_ = false;
  if (line.empty()) {
    if (!data_.empty()) {
      data_.pop_back();  // the last line's end
      take({.type = type_.empty() ? "message" : type_, .data = std::move(data_), .id = id_});
    }
    data_.clear();
    type_.clear();
  } else {
    const std::size_t colon = line.find(':');
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
  }
  line_.clear();
}

// A comment is a field without a name.
void EventParser::take_field(std::string_view name, std::string_view value) {
  if (name == "event") type_ = value;
  if (name == "data") data_.append(value).append("\n");
  if (name == "id" && value.find('\0') == std::string_view::npos) id_ = value;
  const bool is_number = !value.empty() && std::all_of(value.begin(), value.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
  if (name == "retry" && is_number) retry_ = value;
}

}  // namespace hitless::net
