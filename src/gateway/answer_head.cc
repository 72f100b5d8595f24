#include "gateway/answer_head.h"

#include <charconv>

namespace hitless::gateway {
namespace {

using net::http1::Field;
using net::http1::FieldLine;
using net::http1::Framing;
using net::http1::Head;
using net::http1::same_text;

bool named_by_connection(const Head& head, std::string_view name) {
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (line.field == Field::connection && net::http1::list_has(line.value, name)) return true;
  }
  return false;
}

bool is_ours(std::string_view name) {
  return (name.size() == 12 && same_text(name, "x-request-id")) ||
         (name.size() == 18 && same_text(name, "x-hitless-revision"));
}

bool passes(const Head& head, const FieldLine& line, bool unchunk) {
  switch (line.field) {
    case Field::other:
      return !is_ours(line.name) &&
             !(head.connection_names_fields && named_by_connection(head, line.name));
    case Field::content_length: return true;
    case Field::transfer_encoding: return !unchunk;
    case Field::upgrade: return head.status == 101 || head.status == 426;
    default: return false;
  }
}

void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_status_and_fields(std::string& out, const Head& head, bool unchunk) {
  out.reserve(out.size() + head.size + 128);
  out.append("HTTP/1.1 ");
  append_number(out, head.status);
  out.append(" ").append(head.reason).append("\r\n");
  std::string_view run;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (passes(head, line, unchunk)) {
      run = run.empty() ? line.line : std::string_view(run.data(), run.size() + line.line.size());
    } else {
      out.append(run);
      run = {};
    }
  }
  out.append(run);
}

}  // namespace

void write_answer_head(std::string& out, const Head& head, const AnswerForm& form) {
  append_status_and_fields(out, head, form.unchunk);
  out.append("X-Request-Id: ").append(form.request_id).append("\r\nX-Hitless-Revision: ");
  append_number(out, form.revision);
  if (head.status == 101) {
    out.append("\r\nConnection: upgrade");
  } else if (!form.keep_alive) {
    out.append("\r\nConnection: close");
  } else if (form.to_http10) {
    out.append("\r\nConnection: keep-alive");
  }
  out.append("\r\n\r\n");
}

void write_interim_head(std::string& out, const Head& head) {
  append_status_and_fields(out, head, true);
  out.append("\r\n");
}

Duration keep_alive_of(const Head& head) {
  constexpr std::string_view k_timeout = "timeout=";
  const std::size_t at = head.keep_alive_value.find(k_timeout);
  if (at == std::string_view::npos) return Duration::zero();
  const std::string_view digits = head.keep_alive_value.substr(at + k_timeout.size());
  std::int64_t seconds = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (seconds <= 0 || seconds > 86'400) return Duration::zero();
  return std::chrono::seconds(seconds);
}

}  // namespace hitless::gateway
