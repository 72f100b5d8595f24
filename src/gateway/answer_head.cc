#include "gateway/answer_head.h"

#include <charconv>

#include "gateway/text_writer.h"

namespace hitless::gateway {
namespace {

using net::http1::Field;
using net::http1::FieldLine;
using net::http1::Framing;
using net::http1::Head;
using net::http1::is_name;

bool named_by_connection(const Head& head, std::string_view name) {
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (line.field == Field::connection && net::http1::list_has(line.value, name)) return true;
  }
  return false;
}

bool is_ours(std::string_view name) {
  return (name.size() == 12 && is_name(name, "x-request-id")) ||
         (name.size() == 18 && is_name(name, "x-hitless-revision"));
}

bool passes(const Head& head, const FieldLine& line, bool unchunk) {
  switch (line.field) {
    case Field::other:
      return !is_ours(line.name) &&
             !(head.connection_names_fields && named_by_connection(head, line.name));
    // An interim answer and 204 have no body; a client that believes a length would wait for one
    // or take the next answer for it (RFC 9110 section 8.6, RFC 9112 section 6.1).
    case Field::content_length: return head.status >= 200 && head.status != 204;
    case Field::transfer_encoding: return !unchunk && head.status >= 200 && head.status != 204;
    case Field::upgrade: return head.status == 101 || head.status == 426;
    default: return false;
  }
}

void put_number(TextWriter& to, std::int64_t number) {
  char digits[24];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, number);
  to.put({digits, static_cast<std::size_t>(end - digits)});
}

void put_status_and_fields(TextWriter& to, const Head& head, bool unchunk) {
  // The blank is there even when the reason is not (RFC 9112 section 4).
  const bool has_reason = head.status_and_reason.size() > 3;
  to.put("HTTP/1.1 ").put(head.status_and_reason);
  if (!has_reason) to.put(" ");
  to.put("\r\n");
  std::string_view run;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (passes(head, line, unchunk)) {
      run = run.empty() ? line.line : std::string_view(run.data(), run.size() + line.line.size());
    } else {
      if (!run.empty()) to.put(run);
      run = {};
    }
  }
  if (!run.empty()) to.put(run);
}

// All that is put besides parts of the received head: our fields' names, numbers, Connection.
constexpr std::size_t k_added = 160;

}  // namespace

void write_answer_head(Text& out, const Head& head, const AnswerForm& form) {
  TextWriter to(out, head.size + form.request_id.size() + form.set_cookie.size() + k_added);
  put_status_and_fields(to, head, form.unchunk);
  to.put("X-Request-Id: ").put(form.request_id).put("\r\nX-Hitless-Revision: ");
  put_number(to, form.revision);
  if (!form.set_cookie.empty()) to.put("\r\nSet-Cookie: ").put(form.set_cookie);
  if (head.status == 101) {
    to.put("\r\nConnection: upgrade");
  } else if (!form.keep_alive) {
    to.put("\r\nConnection: close");
  } else if (form.to_http10) {
    to.put("\r\nConnection: keep-alive");
  }
  to.put("\r\n\r\n");
}

void write_interim_head(Text& out, const Head& head) {
  TextWriter to(out, head.size + k_added);
  put_status_and_fields(to, head, true);
  to.put("\r\n");
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
