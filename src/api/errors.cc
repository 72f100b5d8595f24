#include "api/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace hitless::api {
namespace {

// The contract's error codes; HITLESS.nnnn where it has none.
constexpr std::array k_causes = {
    CauseRow{Cause::invalid_argument, 400, "ModelArts.0101"},
    CauseRow{Cause::no_token, 401, "ModelArts.0201"},
    CauseRow{Cause::bad_token, 401, "ModelArts.0203"},
    CauseRow{Cause::wrong_user, 401, "ModelArts.0203"},
    CauseRow{Cause::other_project, 403, "ModelArts.0210"},
    CauseRow{Cause::path_unknown, 404, "APIG.0101"},
    CauseRow{Cause::method_unknown, 405, "APIG.0101"},
    CauseRow{Cause::model_unknown, 404, "ModelArts.3001"},
    CauseRow{Cause::model_unknown_to_service, 404, "ModelArts.3507"},
    CauseRow{Cause::model_exists, 409, "ModelArts.3002"},
    CauseRow{Cause::model_in_use, 500, "ModelArts.3009"},
    CauseRow{Cause::config_text_invalid, 400, "ModelArts.3015"},
    CauseRow{Cause::service_unknown, 404, "ModelArts.3502"},
    CauseRow{Cause::service_exists, 409, "ModelArts.3503"},
    CauseRow{Cause::model_not_published, 400, "ModelArts.3515"},
    CauseRow{Cause::same_version_twice, 400, "ModelArts.3516"},
    CauseRow{Cause::kind_not_enabled, 400, "ModelArts.3518"},
    CauseRow{Cause::state_forbids, 400, "ModelArts.3519"},
    CauseRow{Cause::pool_unknown, 400, "ModelArts.3547"},
    CauseRow{Cause::resources_short, 400, "ModelArts.3952"},
    CauseRow{Cause::object_unknown, 404, "HITLESS.0404"},
    CauseRow{Cause::plan_outdated, 409, "HITLESS.0409"},
    CauseRow{Cause::not_in_this_state, 409, "HITLESS.0410"},
    CauseRow{Cause::overloaded, 503, "HITLESS.0503"},
    CauseRow{Cause::unsupported, 400, "HITLESS.0501"},
    CauseRow{Cause::internal, 500, "ModelArts.0010"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < k_causes.size(); ++i) {
    if (k_causes[i].cause != static_cast<Cause>(i)) return false;
  }
  return k_causes.size() == static_cast<std::size_t>(Cause::internal) + 1;
}
static_assert(in_order(), "one row for each cause, in their order");

Cause cause_of(Code code) {
  switch (code) {
    case Code::invalid: return Cause::invalid_argument;
    case Code::not_found: return Cause::object_unknown;
    case Code::conflict: return Cause::state_forbids;
    case Code::unauthenticated: return Cause::bad_token;
    case Code::forbidden: return Cause::internal;  // of a file or a call on this machine
    case Code::exhausted: return Cause::resources_short;
    case Code::unavailable:
    case Code::timeout:
    case Code::cancelled: return Cause::overloaded;
    case Code::unsupported: return Cause::unsupported;
    case Code::corrupt:
    case Code::internal: return Cause::internal;
  }
  return Cause::internal;
}

// "field [x] must be …" → "Invalid argument. The field [x] must be …."
std::string as_invalid_argument(std::string_view text) {
  constexpr std::string_view k_begin = "Invalid argument.";
  if (text.starts_with(k_begin)) return std::string(text);
  std::string sentence = text.starts_with("field [") ? fmt::format("{} The {}", k_begin, text)
                                                     : fmt::format("{} {}", k_begin, text);
  if (!sentence.ends_with('.')) sentence += '.';
  return sentence;
}

}  // namespace

const CauseRow& row_of(Cause cause) {
  return k_causes[static_cast<std::size_t>(cause)];
}

Failure::Failure(const Error& error, std::initializer_list<std::pair<Code, Cause>> special)
    : cause_(cause_of(error.code())), text_(error.text()) {
  for (const auto& [code, cause] : special) {
    if (code == error.code()) cause_ = cause;
  }
}

net::HttpResponse to_response(const Failure& failure) {
  const CauseRow& row = row_of(failure.cause());
  const std::string text = failure.cause() == Cause::invalid_argument
                               ? as_invalid_argument(failure.text())
                               : failure.text();
  net::HttpResponse response;
  response.status = row.status;
  response.headers.add("Content-Type", "application/json");
  response.body = to_json_text(json::object{{"error_code", row.error_code}, {"error_msg", text}});
  return response;
}

}  // namespace hitless::api
