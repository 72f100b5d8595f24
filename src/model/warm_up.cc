#include "model/warm_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/crypto.h"
#include "model/json_members.h"

namespace hitless::model {
namespace {

constexpr std::array<std::string_view, 9> k_request_members{
    "method",    "path",   "headers", "body",           "body_base64",
    "body_file", "status", "fields",  "timeout_seconds"};
constexpr std::array<std::string_view, 4> k_field_members{"pointer", "value", "absolute",
                                                          "relative"};
constexpr std::array<std::string_view, 7> k_methods{"GET",    "POST", "PUT",    "PATCH",
                                                    "DELETE", "HEAD", "OPTIONS"};
// Of the connection or of the call's address, not of the request: hitless sets them.
constexpr std::array<std::string_view, 11> k_reserved{
    "connection",        "content-length",    "expect",  "keep-alive",     "te",
    "trailer",           "transfer-encoding", "upgrade", "x-apig-appcode", "x-auth-token",
    "x-hitless-instance"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// One object on its way in, and what the user calls it: "warm_up[1].fields[0]".
class Reader {
 public:
  Reader(const json::object& from, std::string name) : from_(from), name_(std::move(name)) {}

  Error wrong(std::string_view member, std::string_view wanted) const {
    return Error(Code::invalid, fmt::format("field [{}.{}] must be {}", name_, member, wanted));
  }

  template <class Names>
  Result<void> refuse_unknown(const Names& known) const {
    for (const auto& member : from_) {
      if (is_among(known, std::string_view(member.key()))) continue;
      return Error(Code::invalid,
                   fmt::format("field [{}.{}] is not known; there are: {}", name_,
                               std::string_view(member.key()), fmt::join(known, ", ")));
    }
    return {};
  }

  // Absent and null are the same.
  const json::value* find(std::string_view member) const {
    const json::value* value = from_.if_contains(member);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  bool has(std::string_view member) const { return from_.if_contains(member) != nullptr; }

  Result<std::string> text(std::string_view member, std::string_view otherwise) const {
    const json::value* value = find(member);
    if (value == nullptr) return std::string(otherwise);
    if (!value->is_string()) return wrong(member, "a string");
    return std::string(value->get_string());
  }

  Result<double> number(std::string_view member, double otherwise, double low, double high) const {
    const json::value* value = find(member);
    if (value == nullptr) return otherwise;
    const double number = value->is_number() ? value->to_number<double>() : std::nan("");
    if (!(number >= low && number <= high)) {
      return wrong(member, fmt::format("a number from {:g} to {:g}", low, high));
    }
    return number;
  }

  std::string name_of(std::string_view member) const { return fmt::format("{}.{}", name_, member); }

 private:
  const json::object& from_;
  const std::string name_;
};

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view k_marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return plain || k_marks.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; });
}

bool has_header(const WarmUpRequest& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& field) { return lower(field.first) == name; });
}

Result<void> read_headers(const Reader& in, WarmUpRequest& request) {
  const json::value* value = in.find("headers");
  if (value == nullptr) return {};
  if (!value->is_object()) return in.wrong("headers", "an object of names and strings");
  if (value->get_object().size() > k_warm_up_headers_max) {
    return in.wrong("headers", fmt::format("at most {} fields", k_warm_up_headers_max));
  }
  for (const auto& member : value->get_object()) {
    const std::string name(member.key());
    const std::string called = "headers." + name;
    if (!is_header_name(name)) return in.wrong(called, "named as HTTP names header fields");
    if (is_among(k_reserved, lower(name))) return in.wrong(called, "left out: hitless sets it");
    if (!member.value().is_string()) return in.wrong(called, "a string");
    const std::string text(member.value().get_string());
    if (!is_header_value(text))
      return in.wrong(called, "free of line breaks and control characters");
    if (name.size() + text.size() > k_warm_up_header_bytes_max) {
      return in.wrong(called, fmt::format("at most {} bytes", k_warm_up_header_bytes_max));
    }
    request.headers.emplace_back(name, text);
  }
  return {};
}

// Below the package: nothing that leads out of it.
bool is_package_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

Result<void> read_body(const Reader& in, WarmUpRequest& request) {
  const json::value* body = in.find("body");
  HL_TRY_ASSIGN(const std::string coded, in.text("body_base64", ""));
  HL_TRY_ASSIGN(request.body_file, in.text("body_file", ""));
  const int given = (body != nullptr ? 1 : 0) + (in.find("body_base64") != nullptr ? 1 : 0) +
                    (in.find("body_file") != nullptr ? 1 : 0);
  if (given > 1) return in.wrong("body", "given once: as body, body_base64 or body_file");
  bool is_json = false;
  if (body != nullptr && body->is_string()) {
    request.body = std::string(body->get_string());
  } else if (body != nullptr) {
    if (!body->is_object() && !body->is_array()) {
      return in.wrong("body", "a string, or an object or array that is sent as JSON");
    }
    request.body = to_json_text(*body);
    is_json = true;
  } else if (in.find("body_base64") != nullptr) {
    auto bytes = from_base64(coded);
    if (!bytes) return in.wrong("body_base64", "base64 with padding (RFC 4648)");
    request.body = *std::move(bytes);
  } else if (in.find("body_file") != nullptr) {
    if (!is_package_path(request.body_file)) {
      return in.wrong("body_file", "a path below the package's folder model/, without \"..\"");
    }
    is_json = request.body_file.ends_with(".json");
  }
  if (is_json && !has_header(request, "content-type")) {
    request.headers.emplace_back("Content-Type", "application/json");
  }
  return {};
}

bool is_pointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (std::size_t at = text.find('~'); at != std::string_view::npos; at = text.find('~', at + 1)) {
    if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
  }
  return true;
}

bool has_numbers(const json::value& value) {
  if (value.is_number()) return true;
  if (const json::array* items = value.if_array()) {
    return std::any_of(items->begin(), items->end(), has_numbers);
  }
  if (const json::object* members = value.if_object()) {
    return std::any_of(members->begin(), members->end(),
                       [](const auto& member) { return has_numbers(member.value()); });
  }
  return false;
}

Result<WarmUpField> field_from_json(const json::value& value, const std::string& name) {
  if (!value.is_object())
    return Error(Code::invalid, fmt::format("field [{}] must be an object", name));
  const Reader in(value.get_object(), name);
  HL_TRY(in.refuse_unknown(k_field_members));
  WarmUpField field;
  if (in.find("pointer") == nullptr) return in.wrong("pointer", "given, like \"/outputs/0\"");
  HL_TRY_ASSIGN(field.pointer, in.text("pointer", ""));
  if (!is_pointer(field.pointer)) {
    return in.wrong("pointer", "a JSON pointer (RFC 6901), like \"/outputs/0/data/0\"");
  }
  if (!in.has("value")) return in.wrong("value", "given: what the answer shall have there");
  field.value = value.get_object().at("value");
  constexpr double k_most = 1e300;
  HL_TRY_ASSIGN(field.absolute, in.number("absolute", 0, 0, k_most));
  HL_TRY_ASSIGN(field.relative, in.number("relative", 0, 0, 1));
  const bool tolerant = field.absolute > 0 || field.relative > 0;
  if (tolerant && !has_numbers(field.value)) {
    return in.wrong("value", "a number, or hold some, when there is a tolerance");
  }
  return field;
}

Result<void> read_fields(const Reader& in, WarmUpRequest& request) {
  const json::value* value = in.find("fields");
  if (value == nullptr) return {};
  if (!value->is_array()) return in.wrong("fields", "an array of {pointer, value}");
  const json::array& items = value->get_array();
  if (items.size() > k_warm_up_fields_max) {
    return in.wrong("fields", fmt::format("at most {} of them", k_warm_up_fields_max));
  }
  if (request.method == "HEAD" && !items.empty()) {
    return in.wrong("fields", "left out: an answer to HEAD has no body");
  }
  for (const json::value& item : items) {
    const std::string name = fmt::format("{}[{}]", in.name_of("fields"), request.fields.size());
    HL_TRY_ASSIGN(WarmUpField field, field_from_json(item, name));
    request.fields.push_back(std::move(field));
  }
  return {};
}

Result<void> read_target(const Reader& in, WarmUpRequest& request) {
  HL_TRY_ASSIGN(request.path, in.text("path", ""));
  if (!request.path.starts_with('/') || !is_printable(request.path)) {
    return in.wrong("path",
                    "given: a path that begins with / and has no blanks, like \"/predict\"");
  }
  if (request.path.size() > k_warm_up_path_bytes_max) {
    return in.wrong("path", fmt::format("at most {} bytes", k_warm_up_path_bytes_max));
  }
  const bool has_body = in.find("body") != nullptr || in.find("body_base64") != nullptr ||
                        in.find("body_file") != nullptr;
  HL_TRY_ASSIGN(request.method, in.text("method", has_body ? "POST" : "GET"));
  if (!is_among(k_methods, request.method)) {
    return in.wrong("method", fmt::format("one of {}", fmt::join(k_methods, ", ")));
  }
  if (has_body && (request.method == "GET" || request.method == "HEAD")) {
    return in.wrong("body", fmt::format("left out: {} sends none", request.method));
  }
  return {};
}

Result<WarmUpRequest> request_from_json(const json::value& value, const std::string& name) {
  if (!value.is_object())
    return Error(Code::invalid, fmt::format("field [{}] must be an object", name));
  const Reader in(value.get_object(), name);
  HL_TRY(in.refuse_unknown(k_request_members));
  WarmUpRequest request;
  HL_TRY(read_target(in, request));
  HL_TRY(read_headers(in, request));
  HL_TRY(read_body(in, request));
  HL_TRY_ASSIGN(const double status, in.number("status", 200, 200, 599));
  request.status = static_cast<int>(status);
  if (status != request.status) return in.wrong("status", "a whole number");
  HL_TRY(read_fields(in, request));
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  HL_TRY_ASSIGN(const double timeout, in.number("timeout_seconds", seconds(k_warm_up_timeout),
                                                0.001, seconds(k_warm_up_timeout_max)));
  request.timeout = Duration(std::llround(timeout * 1e6));
  return request;
}

bool is_plain(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return (c >= ' ' && c < '\x7f') || c == '\n' || c == '\r' || c == '\t';
  });
}

json::object to_json(const WarmUpField& field) {
  json::object out{{"pointer", field.pointer}, {"value", field.value}};
  if (field.absolute > 0) out["absolute"] = field.absolute;
  if (field.relative > 0) out["relative"] = field.relative;
  return out;
}

}  // namespace

json::array to_json(const WarmUp& warm_up) {
  json::array out;
  for (const WarmUpRequest& request : warm_up) {
    json::object row{{"method", request.method}, {"path", request.path}};
    if (!request.headers.empty()) {
      json::object& headers = row["headers"].emplace_object();
      for (const auto& [name, value] : request.headers) headers[name] = value;
    }
    if (!request.body_file.empty()) {
      row["body_file"] = request.body_file;
    } else if (!request.body.empty()) {
      const bool plain = is_plain(request.body);
      row[plain ? "body" : "body_base64"] = plain ? request.body : to_base64(request.body);
    }
    row["status"] = request.status;
    if (!request.fields.empty()) {
      json::array& fields = row["fields"].emplace_array();
      for (const WarmUpField& field : request.fields) fields.push_back(to_json(field));
    }
    row["timeout_seconds"] = std::chrono::duration<double>(request.timeout).count();
    out.push_back(std::move(row));
  }
  return out;
}

Result<WarmUp> warm_up_from_json(const json::value& value) {
  if (!value.is_array())
    return Error(Code::invalid, "field [warm_up] must be an array of requests");
  const json::array& items = value.get_array();
  if (items.size() > k_warm_up_requests_max) {
    return Error(Code::invalid, fmt::format("field [warm_up] must have at most {} requests",
                                            k_warm_up_requests_max));
  }
  WarmUp warm_up;
  for (const json::value& item : items) {
    HL_TRY_ASSIGN(WarmUpRequest request,
                  request_from_json(item, fmt::format("warm_up[{}]", warm_up.size())));
    warm_up.push_back(std::move(request));
  }
  HL_TRY(check_bodies(warm_up));
  return warm_up;
}

Result<void> check_bodies(const WarmUp& warm_up) {
  std::size_t bytes = 0;
  for (const WarmUpRequest& request : warm_up) bytes += request.body.size();
  if (bytes <= k_warm_up_bytes_max) return {};
  return Error(Code::invalid, fmt::format("field [warm_up] must have bodies of at most {} bytes "
                                          "together, these have {}",
                                          k_warm_up_bytes_max, bytes));
}

std::string name_of(const WarmUpRequest& request) {
  return request.method + " " + request.path;
}

}  // namespace hitless::model
