#include "gateway/predecessor.h"

#include "base/log.h"
#include "gateway/control_link.h"

namespace hitless::gateway {

Predecessor::Predecessor(ControlLink& link, UniqueFd fd)
    : link_(link),
      connection_(
          link.loop(), std::move(fd),
          {.on_message =
               [this](json::object message) {
                 if (const auto handled = handle(message); !handled) {
                   log_error("predecessor_message_refused", {{"reason", handled.error().text()}});
                 }
               },
           .on_end = [this](const Error& error) { link_.predecessor_ended(error); }}) {}

Result<void> Predecessor::start(const GatewayHello& us) {
  HL_TRY(connection_.start());
  connection_.send({{"type", "join"}, {"version", us.version}, {"pid", us.pid}});
  return {};
}

Result<void> Predecessor::handle(const json::object& message) {
  HL_TRY_ASSIGN(const std::string type, get_string(message, "type"));
  if (type == "usage") {
    HL_TRY_ASSIGN(const UsageChange change, usage_change_from_json(message));
    link_.take_other(change);
    return {};
  }
  if (type == "offered") {
    told_all_ = true;
    check_ready();
    return {};
  }
  if (type == "take") return link_.take_place();
  if (type == "declined") {
    HL_TRY_ASSIGN(std::string reason, get_string(message, "reason"));
    link_.declined(Error(Code::unavailable, std::move(reason)));
    return {};
  }
  if (type == "refused") {
    HL_TRY_ASSIGN(const std::string reason, get_string(message, "error"));
    return Error(Code::invalid, reason).context("the gateway before us refused a route table");
  }
  return link_.handle(message);
}

void Predecessor::check_ready() {
  if (!told_all_ || ready_ || !link_.is_up_to_date()) return;
  ready_ = true;
  send(plain_message("ready"));
}

}  // namespace hitless::gateway
