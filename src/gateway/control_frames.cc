#include "gateway/control_frames.h"

#include <fmt/format.h>

#include <limits>

namespace hitless::gateway {
std::string encode_frame(const json::value& message) {
  const std::string text = to_json_text(message);
  std::string frame;
  frame.reserve(k_frame_header_bytes + text.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>((text.size() >> shift) & 0xff));
  }
  return frame.append(text);
}

std::size_t frame_size(std::string_view header) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < k_frame_header_bytes; ++i) {
    size = size << 8 | static_cast<unsigned char>(header[i]);
  }
  return size;
}

Result<std::optional<json::object>> FrameReader::next() {
  const std::string_view rest = std::string_view(bytes_).substr(used_);
  if (rest.size() < k_frame_header_bytes) return std::optional<json::object>();
  const std::size_t size = frame_size(rest);
  if (size > k_frame_bytes_max) {
    return Error(Code::corrupt, fmt::format("a control frame of {} bytes is too large", size));
  }
  if (rest.size() < k_frame_header_bytes + size) return std::optional<json::object>();
  HL_TRY_ASSIGN(json::value message, parse_json(rest.substr(k_frame_header_bytes, size)));
  json::object* const object = message.if_object();
  if (object == nullptr) return Error(Code::corrupt, "a control frame is not an object");
  used_ += k_frame_header_bytes + size;
  if (used_ == bytes_.size()) {
    bytes_.clear();
    used_ = 0;
  } else if (used_ > 1024 * 1024) {
    bytes_.erase(0, used_);
    used_ = 0;
  }
  return std::optional<json::object>(std::move(*object));
}

json::value to_json(const GatewayHello& hello) {
  return json::object{{"type", "hello"},          {"protocol", k_control_protocol},
                      {"gateway", hello.gateway}, {"version", hello.version},
                      {"pid", hello.pid},         {"listen", to_text(hello.listen)},
                      {"adopted", hello.adopted}, {"takes_changes", hello.takes_changes}};
}

Result<GatewayHello> hello_from_json(const json::object& message) {
  HL_TRY_ASSIGN(const std::int64_t protocol, get_int(message, "protocol"));
  if (protocol != k_control_protocol) {
    return Error(Code::unsupported,
                 fmt::format("the gateway speaks control protocol {}, we speak {}", protocol,
                             k_control_protocol));
  }
  GatewayHello hello;
  HL_TRY_ASSIGN(hello.gateway, get_string(message, "gateway"));
  HL_TRY_ASSIGN(hello.version, get_string(message, "version"));
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(message, "pid"));
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) {
    return Error(Code::corrupt, fmt::format("[pid] {} is no process", pid));
  }
  hello.pid = static_cast<pid_t>(pid);
  HL_TRY_ASSIGN(const std::string listen, get_string(message, "listen"));
  HL_TRY_ASSIGN(hello.listen, parse_address(listen));
  HL_TRY_ASSIGN(const std::int64_t adopted, get_int(message, "adopted"));
  // Control goes on counting above it.
  if (adopted < 0) {
    return Error(Code::corrupt, fmt::format("[adopted] {} is no generation", adopted));
  }
  hello.adopted = static_cast<model::Generation>(adopted);
  const json::value* takes_changes = message.if_contains("takes_changes");
  hello.takes_changes = takes_changes != nullptr && *takes_changes == json::value(true);
  return hello;
}

json::value to_json(const UsageChange& change) {
  json::array gone;
  for (const model::InstanceId& instance : change.gone) gone.emplace_back(instance.text());
  return json::object{{"type", "usage"},
                      {"whole", change.whole},
                      {"usage", model::to_json(change.usage)},
                      {"gone", std::move(gone)}};
}

Result<UsageChange> usage_change_from_json(const json::object& message) {
  UsageChange change;
  HL_TRY_ASSIGN(change.whole, get_bool(message, "whole"));
  HL_TRY_ASSIGN(const json::object* usage, get_object(message, "usage"));
  HL_TRY_ASSIGN(change.usage, model::usage_from_json(json::value(*usage)));
  HL_TRY_ASSIGN(const json::array* gone, get_array(message, "gone"));
  for (const json::value& item : *gone) {
    if (!item.is_string()) return Error(Code::corrupt, "[gone] must hold instance ids");
    change.gone.emplace_back(std::string(item.get_string()));
  }
  return change;
}

json::value table_message(const model::RouteTable& table) {
  return json::object{{"type", "table"}, {"table", model::to_json(table)}};
}

json::value change_message(const model::RouteChange& change) {
  return json::object{{"type", "change"}, {"change", model::to_json(change)}};
}

namespace {

json::object tls_to_json(const Offer& offer) {
  json::array certificates;
  for (const net::TlsFiles& each : offer.tls->certificates) {
    certificates.push_back(
        json::object{{"certificate", each.certificate.string()}, {"key", each.key.string()}});
  }
  return {{"listen", to_text(offer.tls->listen)},
          {"certificates", std::move(certificates)},
          {"redirect", offer.tls->redirect},
          {"descriptors", offer.tls_descriptors}};
}

Result<void> read_tls(const json::object& message, Offer& offer) {
  HL_TRY_ASSIGN(const json::object* tls, get_object(message, "tls"));
  offer.tls.emplace();
  HL_TRY_ASSIGN(const std::string listen, get_string(*tls, "listen"));
  HL_TRY_ASSIGN(offer.tls->listen, parse_address(listen));
  HL_TRY_ASSIGN(const json::array* certificates, get_array(*tls, "certificates"));
  for (const json::value& each : *certificates) {
    if (!each.is_object()) return Error(Code::corrupt, "[certificates] must hold objects");
    HL_TRY_ASSIGN(const std::string certificate, get_string(each.get_object(), "certificate"));
    HL_TRY_ASSIGN(const std::string key, get_string(each.get_object(), "key"));
    offer.tls->certificates.push_back({.certificate = certificate, .key = key});
  }
  HL_TRY_ASSIGN(offer.tls->redirect, get_bool(*tls, "redirect"));
  HL_TRY_ASSIGN(const std::int64_t descriptors, get_int(*tls, "descriptors"));
  if (descriptors <= 0 || static_cast<std::size_t>(descriptors) >= offer.descriptors) {
    return Error(Code::corrupt,
                 fmt::format("{} descriptors for TLS of {}", descriptors, offer.descriptors));
  }
  offer.tls_descriptors = static_cast<std::size_t>(descriptors);
  return {};
}

}  // namespace

json::value to_json(const Offer& offer) {
  json::object message{
      {"type", "offer"},
      {"protocol", offer.tls.has_value() ? k_tls_handover_protocol : k_handover_protocol},
      {"version", offer.version},
      {"pid", offer.pid},
      {"counts", offer.counts},
      {"listen", to_text(offer.listen)},
      {"descriptors", offer.descriptors}};
  if (offer.tls.has_value()) message["tls"] = tls_to_json(offer);
  if (offer.signals) message["signals"] = to_json(*offer.signals);
  return message;
}

Result<Offer> offer_from_json(const json::object& message) {
  HL_TRY_ASSIGN(const std::int64_t protocol, get_int(message, "protocol"));
  if (protocol != k_handover_protocol && protocol != k_tls_handover_protocol) {
    return Error(Code::unsupported,
                 fmt::format("the gateway that runs hands over by protocol {}, we know {} and {}",
                             protocol, k_handover_protocol, k_tls_handover_protocol));
  }
  Offer offer;
  HL_TRY_ASSIGN(offer.version, get_string(message, "version"));
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(message, "pid"));
  offer.pid = static_cast<pid_t>(pid);
  HL_TRY_ASSIGN(offer.counts, get_string(message, "counts"));
  HL_TRY_ASSIGN(const std::string listen, get_string(message, "listen"));
  HL_TRY_ASSIGN(offer.listen, parse_address(listen));
  HL_TRY_ASSIGN(const std::int64_t descriptors, get_int(message, "descriptors"));
  offer.descriptors = static_cast<std::size_t>(descriptors);
  if (protocol == k_tls_handover_protocol) HL_TRY(read_tls(message, offer));
  if (message.contains("signals")) {
    HL_TRY_ASSIGN(const json::object* signals, get_object(message, "signals"));
    HL_TRY_ASSIGN(offer.signals, signals_from_json(*signals));
  }
  return offer;
}

json::value plain_message(std::string_view type) {
  return json::object{{"type", type}};
}

json::value reason_message(std::string_view type, std::string_view reason) {
  return json::object{{"type", type}, {"reason", reason}};
}

json::value budget_message(std::string_view type, Duration budget) {
  return json::object{{"type", type}, {"budget_us", budget.count()}};
}

Result<Duration> budget_of(const json::object& message) {
  HL_TRY_ASSIGN(const std::int64_t budget, get_int(message, "budget_us"));
  return Duration(budget);
}

json::value refusal_message(const Error& error) {
  return json::object{{"type", "refused"}, {"error", error.text()}};
}

}  // namespace hitless::gateway
