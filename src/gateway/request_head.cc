#include "gateway/request_head.h"

#include <charconv>

#include "gateway/text_writer.h"
#include "gateway/trace.h"
#include "net/http1_text.h"

namespace hitless::gateway {
namespace {

using net::http1::Field;
using net::http1::FieldLine;
using net::http1::Framing;
using net::http1::Head;
using net::http1::is_name;
using net::http1::k_ones;
using net::http1::same_text;
using Use = RequestFields::Use;

constexpr std::string_view k_prefix = "/v1/infers/";

std::string_view authority_of_absolute(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

inline std::string_view authority_of(std::string_view target) {
  return target.starts_with('/') ? std::string_view() : authority_of_absolute(target);
}

bool is_request_id(std::string_view text) {
  if (text.empty() || text.size() > k_request_id_bytes_max) return false;
  for (const char byte : text) {
    const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    const bool digit = byte >= '0' && byte <= '9';
    const bool mark = byte == '-' || byte == '_' || byte == '.' || byte == ':' || byte == '/' ||
                      byte == '+' || byte == '=' || byte == '@';
    if (!letter && !digit && !mark) return false;
  }
  return true;
}

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view k_scheme = "bearer ";
  if (authorization.size() <= k_scheme.size() ||
      !same_text(authorization.substr(0, k_scheme.size()), k_scheme)) {
    return {};
  }
  return authorization.substr(k_scheme.size());
}

Use use_of_other(const FieldLine& line, RequestFields& fields) {
  switch (line.name.size()) {
    case 10:
      if (is_name(line.name, "tracestate")) ++fields.tracestates;
      return Use::forward;
    case 11:
      if (!is_name(line.name, "traceparent")) return Use::forward;
      fields.traceparent = line.value;
      ++fields.traceparents;
      return Use::forward;
    case 12:
      if (is_name(line.name, "x-auth-token")) {
        fields.auth_token = line.value;
        return Use::drop;
      }
      if (is_name(line.name, "x-request-id")) {
        if (is_request_id(line.value)) fields.request_id = line.value;
        return Use::drop;
      }
      return Use::forward;
    case 13:
      if (!is_name(line.name, "authorization")) return Use::forward;
      fields.bearer = bearer_of(line.value);
      return Use::authorization;
    case 14:
      if (!is_name(line.name, "x-apig-appcode")) return Use::forward;
      fields.app_code = line.value;
      return Use::drop;
    case 15:
      if (!is_name(line.name, "x-forwarded-for")) return Use::forward;
      if (fields.forwarded_for_count < fields.forwarded_for.size()) {
        fields.forwarded_for[fields.forwarded_for_count++] = line.value;
      }
      return Use::drop;
    case 17: return is_name(line.name, "x-forwarded-proto") ? Use::drop : Use::forward;
    case 18:
      if (is_name(line.name, "x-hitless-instance")) {
        fields.instance = line.value;
        return Use::drop;
      }
      if (!is_name(line.name, "x-hitless-revision")) return Use::forward;
      fields.revision = line.value;
      return Use::drop;
    default: return Use::forward;
  }
}

// '/' and '?' differ in one bit, which no other byte has to do with.
struct EndsOfName {
  std::uint64_t operator()(std::uint64_t word) const {
    const std::uint64_t other = (word | k_ones * 0x10) ^ (k_ones * '?');
    return (other - k_ones) & ~other;
  }
#if defined(__SSE2__)
  unsigned operator()(__m128i bytes) const {
    const __m128i lifted = _mm_or_si128(bytes, _mm_set1_epi8(0x10));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(lifted, _mm_set1_epi8('?'))));
  }
#endif
};

// Up to the path or the query.
std::size_t service_bytes(std::string_view call) {
  const char* const end = call.data() + call.size();
  const char* const found = net::http1::first_odd_byte(
      call.data(), end, EndsOfName(), [](char byte) { return byte == '/' || byte == '?'; });
  return static_cast<std::size_t>(found - call.data());
}

// Whether the line is "Name: value" with one blank, as everybody reads it.
bool is_plain(const FieldLine& line) {
  constexpr std::size_t k_around = 4;  // ": " and CRLF
  return line.line.size() == line.name.size() + line.value.size() + k_around &&
         line.line[line.name.size() + 1] == ' ';
}

// What says where the body ends goes on in its plain form: odd blanks, capitals and zeros in front
// are read differently by some.
Use use_of_framing(const Head& head, const FieldLine& line) {
  if (!is_plain(line)) return Use::drop;
  if (head.framing == Framing::chunked) {
    return line.value == "chunked" ? Use::forward : Use::drop;
  }
  return line.value.size() > 1 && line.value.front() == '0' ? Use::drop : Use::forward;
}

// Who cannot make sense of a traceparent must not hand on its tracestate (Trace Context section
// 3.3); nor may one go on that a Connection field keeps to its hop.
void read_trace(const Head& head, RequestFields& fields) {
  if (fields.traceparents == 1) fields.trace_id = trace_id_of(fields.traceparent);
  for (std::size_t i = 0; i < head.field_count && !fields.trace_id.empty(); ++i) {
    const bool is_gone = fields.uses[i] == Use::drop;
    if (is_gone && is_name(head.fields[i].name, "traceparent")) fields.trace_id = {};
  }
  if (!fields.trace_id.empty()) return;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const std::string_view name = head.fields[i].name;
    if (is_name(name, "traceparent") || is_name(name, "tracestate")) fields.uses[i] = Use::drop;
  }
}

bool named_by_connection(const Head& head, std::string_view name) {
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (line.field == Field::connection && net::http1::list_has(line.value, name)) return true;
  }
  return false;
}

void put_framing(TextWriter& to, const Head& head) {
  if (head.framing == Framing::chunked) {
    to.put("Transfer-Encoding: chunked\r\n");
    return;
  }
  char digits[20];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, head.content_length);
  to.put("Content-Length: ").put({digits, static_cast<std::size_t>(end - digits)}).put("\r\n");
}

}  // namespace

std::string_view origin_form_of_absolute(std::string_view target) {
  const std::string_view authority = authority_of(target);
  if (authority.data() == nullptr) return target;
  target.remove_prefix(static_cast<std::size_t>(authority.data() - target.data()));
  return target.substr(authority.size());
}

std::optional<Call> parse_call(std::string_view target) {
  const std::string_view path = origin_form(target);
  if (!path.starts_with(k_prefix)) return std::nullopt;
  const std::string_view call = path.substr(k_prefix.size());
  const std::string_view service = call.substr(0, service_bytes(call));
  if (service.empty()) return std::nullopt;
  return Call{.service = service, .rest = call.substr(service.size())};
}

void read_fields(const Head& head, RequestFields& fields) {
  fields.auth_token = fields.bearer = fields.app_code = {};
  fields.request_id = fields.instance = fields.revision = {};
  fields.trace_id = fields.traceparent = {};
  fields.traceparents = fields.tracestates = 0;
  fields.forwarded_for_count = 0;
  fields.is_framing_plain = true;
  const bool absolute = authority_of(head.target).data() != nullptr;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    Use use = Use::drop;
    if (line.field == Field::other) {
      use = use_of_other(line, fields);
      if (head.connection_names_fields && use == Use::forward &&
          named_by_connection(head, line.name)) {
        use = Use::drop;
      }
    } else if (line.field == Field::content_length || line.field == Field::transfer_encoding) {
      use = use_of_framing(head, line);
      fields.is_framing_plain = use == Use::forward;
    } else if (line.field == Field::host) {
      use = absolute ? Use::drop : Use::forward;
    } else if (line.field == Field::upgrade) {
      use = head.upgrade ? Use::forward : Use::drop;
    }
    fields.uses[i] = use;
  }
  if ((fields.traceparents | fields.tracestates) != 0) read_trace(head, fields);
}

void write_request_head(Text& out, const Head& head, const RequestFields& fields,
                        const Forwarding& forwarding) {
  // All that is put besides parts of the received head: names, separators, the version.
  constexpr std::size_t k_added = 208;
  TextWriter to(out, 2 * head.target.size() + head.size + forwarding.request_id.size() +
                         forwarding.traceparent.size() + forwarding.peer.size() + k_added);
  to.put(head.method).put(" ");
  if (!forwarding.target.starts_with('/')) to.put("/");
  to.put(forwarding.target).put(" HTTP/1.1\r\n");
  if (const std::string_view authority = authority_of(head.target); !authority.empty()) {
    to.put("Host: ").put(authority).put("\r\n");
  } else if (head.host.data() == nullptr) {
    to.put("Host: localhost\r\n");  // HTTP/1.0 need not send one, HTTP/1.1 must
  }
  // Neighbouring fields that go on unchanged are copied in one piece.
  std::string_view run;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const std::string_view line = head.fields[i].line;
    const Use use = fields.uses[i];
    if (use == Use::drop || (use == Use::authorization && !forwarding.keep_authorization)) {
      if (!run.empty()) to.put(run);
      run = {};
    } else {
      run = run.empty() ? line : std::string_view(run.data(), run.size() + line.size());
    }
  }
  if (!run.empty()) to.put(run);
  if (!fields.is_framing_plain) put_framing(to, head);
  if (head.upgrade) to.put("Connection: upgrade\r\n");
  if (!forwarding.traceparent.empty()) {
    to.put("traceparent: ").put(forwarding.traceparent).put("\r\n");
  }
  to.put("X-Request-Id: ").put(forwarding.request_id).put("\r\nX-Forwarded-For: ");
  for (std::size_t i = 0; i < fields.forwarded_for_count; ++i) {
    to.put(fields.forwarded_for[i]).put(", ");
  }
  to.put(forwarding.peer);
  // Each of a length that the compiler knows.
  if (forwarding.is_encrypted) {
    to.put("\r\nX-Forwarded-Proto: https\r\n\r\n");
  } else {
    to.put("\r\nX-Forwarded-Proto: http\r\n\r\n");
  }
}

bool write_https_location(std::string& out, const Head& head, std::uint16_t port) {
  constexpr std::uint16_t k_https = 443;
  std::string_view host = authority_of(head.target);
  if (host.empty()) host = head.host;
  // An IPv6 address has colons of its own, in brackets.
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  if (host.empty()) return false;
  out.assign("https://").append(host);
  if (port != k_https) out.append(":").append(std::to_string(port));
  const std::string_view target = origin_form(head.target);
  out.append(target.starts_with('/') ? "" : "/").append(target);
  return true;
}

}  // namespace hitless::gateway
