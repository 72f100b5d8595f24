// What travels on the control link: frames of a 4-byte big-endian length and one JSON object, whose
// member `type` says which.
//
//   gateway ▶ control   hello {protocol, gateway, version, pid, listen, adopted}, first
//                       usage {whole, usage, gone}, refused {generation, error}
//                       moved {}: another gateway has taken over, attach to that one
//   control ▶ gateway   table {table}, change {change} of the table before it, shutdown {budget_us}
//
// A gateway that hands over and the one that takes its place speak in the same frames:
//
//   old ▶ new           wait {reason}, or again {}, or declined {reason}, before
//                       offer {protocol, version, pid, listen, counts, descriptors, tls}, and these
//                       table, usage; offered {} when all has been said that there is
//                       take {}: from now on you are the gateway
//   new ▶ old           join {version, pid}, ready {}: I could serve with this table
//                       taken {budget_us}: I serve; end what you have
//                       table, usage, shutdown: the old one is controlled by the new one
//
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "gateway/client.h"
#include "gateway/options.h"
#include "gateway/signals.h"
#include "model/route_change.h"

namespace hitless::gateway {

// Both ends of one link come from one installation; a mismatch means an upgrade under way.
inline constexpr std::int64_t k_control_protocol = 1;
inline constexpr std::int64_t k_handover_protocol = 1;
// … with sockets for TLS: a gateway that knows none would speak in the clear there.
inline constexpr std::int64_t k_tls_handover_protocol = 2;

// The whole table of 10,000 services is about 6 MB.
inline constexpr std::size_t k_frame_bytes_max = 64 * 1024 * 1024;

inline constexpr std::size_t k_frame_header_bytes = 4;

std::string encode_frame(const json::value& message);
std::size_t frame_size(std::string_view header);  // of what follows it

// Takes bytes in as they come and frames out.
class FrameReader {
 public:
  void append(std::string_view bytes) { bytes_.append(bytes); }
  // nullopt: not whole yet.  After an error the connection is of no more use.
  Result<std::optional<json::object>> next();

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

// Cumulative values of what changed since the last one, or of everything.
struct UsageChange {
  bool whole = false;
  model::Usage usage;
  std::vector<model::InstanceId> gone;
};

// What a gateway says of itself to the one that shall take its place.
struct Offer {
  std::string version;
  pid_t pid = 0;
  Address listen;
  std::optional<TlsOptions> tls;
  std::string counts;  // GatewayHello::gateway of both
  std::size_t descriptors = 0;
  std::size_t tls_descriptors = 0;  // of those, the last
  std::optional<Signals> signals;   // an older one does not say
};

json::value to_json(const Offer& offer);
Result<Offer> offer_from_json(const json::object& message);
json::value plain_message(std::string_view type);
json::value reason_message(std::string_view type, std::string_view reason);
json::value budget_message(std::string_view type, Duration budget);
Result<Duration> budget_of(const json::object& message);

json::value to_json(const GatewayHello& hello);
Result<GatewayHello> hello_from_json(const json::object& message);
json::value to_json(const UsageChange& change);
Result<UsageChange> usage_change_from_json(const json::object& message);
json::value table_message(const model::RouteTable& table);
json::value change_message(const model::RouteChange& change);
json::value refusal_message(const Error& error);

}  // namespace hitless::gateway
