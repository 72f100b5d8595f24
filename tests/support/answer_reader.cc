#include "tests/support/answer_reader.h"

#include <charconv>

namespace hitless::tests {
namespace {

using State = AnswerReader::State;

constexpr std::string_view k_line_end = "\r\n";
constexpr std::string_view k_head_end = "\r\n\r\n";

struct Head {
  int status = 0;
  std::string revision;
  bool is_last = false;
  bool is_chunked = false;
  std::optional<std::size_t> length;
};

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return copy;
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool read_field(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string name = lower(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "x-hitless-revision") head.revision = value;
  if (name == "connection") head.is_last = lower(value) == "close";
  if (name == "transfer-encoding") head.is_chunked = lower(value) == "chunked";
  if (name == "content-length") {
    head.length = number(value, 10);
    return head.length.has_value();
  }
  return true;
}

std::optional<Head> read_head(std::string_view text) {
  constexpr std::string_view k_version = "HTTP/1.1 ";
  Head head;
  if (!text.starts_with(k_version)) return std::nullopt;
  const auto status = number(text.substr(k_version.size(), 3), 10);
  if (!status) return std::nullopt;
  head.status = static_cast<int>(*status);
  text.remove_prefix(text.find(k_line_end) + k_line_end.size());
  while (!text.empty()) {
    const std::size_t end = text.find(k_line_end);
    if (!read_field(text.substr(0, end), head)) return std::nullopt;
    text.remove_prefix(end + k_line_end.size());
  }
  if (head.is_chunked && head.length) return std::nullopt;
  return head;
}

// Takes the chunks off `rest`; what is left is the next answer's.
State read_chunks(std::string_view& rest, std::string& body) {
  for (;;) {
    const std::size_t line = rest.find(k_line_end);
    if (line == std::string_view::npos) return State::incomplete;
    const auto size = number(rest.substr(0, line), 16);
    if (!size) return State::malformed;
    const std::size_t whole = line + k_line_end.size() + *size + k_line_end.size();
    if (rest.size() < whole) return State::incomplete;
    body.append(rest.substr(line + k_line_end.size(), *size));
    if (rest.substr(whole - k_line_end.size(), k_line_end.size()) != k_line_end) {
      return State::malformed;
    }
    rest.remove_prefix(whole);
    if (*size == 0) return State::complete;
  }
}

}  // namespace

State AnswerReader::next(Answer& answer) {
  const std::size_t end = bytes_.find(k_head_end);
  if (end == std::string::npos) return State::incomplete;
  const auto head = read_head(std::string_view(bytes_).substr(0, end + k_line_end.size()));
  // Every answer of the gateway says how long it is.
  if (!head || (!head->is_chunked && !head->length)) return State::malformed;

  std::string_view rest = std::string_view(bytes_).substr(end + k_head_end.size());
  std::string body;
  if (head->is_chunked) {
    if (const State state = read_chunks(rest, body); state != State::complete) return state;
  } else {
    if (rest.size() < *head->length) return State::incomplete;
    body = rest.substr(0, *head->length);
    rest.remove_prefix(*head->length);
  }
  answer = {.status = head->status,
            .revision = head->revision,
            .is_last = head->is_last,
            .is_chunked = head->is_chunked,
            .body = std::move(body)};
  bytes_ = std::string(rest);
  return State::complete;
}

}  // namespace hitless::tests
