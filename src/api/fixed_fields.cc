#include "api/fixed_fields.h"

#include <fmt/format.h>

namespace hitless::api {
namespace {

Failure cannot_change(std::string_view member, std::string_view present) {
  return Failure(Cause::invalid_argument,
                 fmt::format("field [{}] cannot be changed: it is {}", member, present));
}

Checked<void> check_text(const json::object& body, std::string_view member,
                         std::string_view present) {
  HL_TRY_ASSIGN(const std::optional<std::string> value, find_string(body, member));
  if (!value || present.empty() || *value == present) return {};
  return cannot_change(member, present);
}

// additional_properties: a connection upgrade cannot be taken back, a log channel stays.
Checked<void> check_properties(const json::object& was, const json::object& body) {
  HL_TRY_ASSIGN(const json::object* before, find_object(was, "additional_properties"));
  HL_TRY_ASSIGN(const json::object* after, find_object(body, "additional_properties"));
  if (before == nullptr || after == nullptr) return {};
  const auto differs = [&](std::string_view name) {
    const json::value* one = before->if_contains(name);
    const json::value* other = after->if_contains(name);
    return one != nullptr && !one->is_null() && other != nullptr && *one != *other;
  };
  const bool upgraded =
      before->contains("websocket_upgrade") && before->at("websocket_upgrade") == json::value(true);
  if (upgraded && differs("websocket_upgrade")) {
    return cannot_change("additional_properties.websocket_upgrade", "true");
  }
  if (differs("log_report_channels")) {
    return cannot_change("additional_properties.log_report_channels",
                         to_json_text(before->at("log_report_channels")));
  }
  return {};
}

}  // namespace

Checked<void> check_fixed(const model::Service& service, const json::object& body) {
  HL_TRY(check_text(body, "service_name", service.name));
  HL_TRY(check_text(body, "infer_type", service.infer_type));
  HL_TRY_ASSIGN(const std::optional<std::string> vpc, find_string(service.wire, "vpc_id"));
  HL_TRY(check_text(body, "vpc_id", vpc.value_or("")));
  return check_properties(service.wire, body);
}

}  // namespace hitless::api
