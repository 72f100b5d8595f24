// What travels on the control link: frames of a 4-byte big-endian length and one JSON object, whose
// member `type` says which.
//
//   gateway ▶ control   hello {protocol, gateway, version, pid, listen, adopted}, first
//                       usage {whole, usage, gone}, refused {generation, error}
//   control ▶ gateway   table {table}, shutdown {budget_us}
//
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "gateway/client.h"

namespace hitless::gateway {

// Both ends of one link come from one installation; a mismatch means an upgrade under way.
inline constexpr std::int64_t k_control_protocol = 1;

// The table of 10,000 services is about 6 MB.
inline constexpr std::size_t k_frame_bytes_max = 64 * 1024 * 1024;

std::string encode_frame(const json::value& message);

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

json::value to_json(const GatewayHello& hello);
Result<GatewayHello> hello_from_json(const json::object& message);
json::value to_json(const UsageChange& change);
Result<UsageChange> usage_change_from_json(const json::object& message);
json::value table_message(const model::RouteTable& table);
json::value shutdown_message(Duration budget);
json::value refusal_message(model::Generation generation, const Error& error);

}  // namespace hitless::gateway
