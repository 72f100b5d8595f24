#include "gateway/options.h"

#include <fmt/format.h>

namespace hitless::gateway {
namespace {

// More threads than any machine of this kind has cores: surely a mistake.
constexpr std::size_t k_workers_max = 256;
// With less every second of a busy gateway would begin a file.
constexpr std::uint64_t k_access_record_bytes_min = 1024 * 1024;

}  // namespace

Result<void> check(const GatewayOptions& options) {
  const auto wrong = [](std::string_view field, std::string_view text) {
    return Error(Code::invalid, fmt::format("gateway option [{}] {}", field, text));
  };
  if (options.control_socket.empty()) return wrong("control_socket", "is required");
  if (options.version.empty()) return wrong("version", "is required");
  const bool as_before = options.workers == 0 && options.take_over.has_value();
  if ((options.workers == 0 && !as_before) || options.workers > k_workers_max) {
    return wrong("workers", fmt::format("must be in 1…{}", k_workers_max));
  }
  if (options.tls.has_value() && options.tls->certificates.empty()) {
    return wrong("tls.certificates", "must name a certificate and its key");
  }
  if (options.tls.has_value() && options.take_over.has_value()) {
    return wrong("tls", "is that of the gateway whose place is taken");
  }
  if (options.signals.access_record_bytes_max < k_access_record_bytes_min) {
    return wrong("access_record_bytes_max", "must be at least 1 MiB");
  }
  const Limits& limits = options.limits;
  if (limits.head_bytes_max < 1024) return wrong("head_bytes_max", "must be at least 1024");
  if (limits.connections_max < options.workers) {
    return wrong("connections_max", "must be at least the number of workers");
  }
  return {};
}

}  // namespace hitless::gateway
