#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>

namespace hitless {
namespace {

Error unreadable(std::string_view text, std::string_view reason) {
  return Error(Code::invalid, fmt::format("address [{}]: {}", text, reason));
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return unreadable(text, "the path of a Unix socket must begin with /");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return unreadable(text, "the path is longer than the 107 bytes a Unix socket can have");
  }
  return Address{.host = {}, .port = 0, .path = std::string(path)};
}

bool is_numeric_host(const std::string& host) {
  in6_addr parsed;
  return ::inet_pton(host.find(':') == std::string::npos ? AF_INET : AF_INET6, host.c_str(),
                     &parsed) == 1;
}

}  // namespace

bool Address::is_loopback() const {
  return is_unix() || host == "::1" || host.starts_with("127.");
}

std::string to_text(const Address& address) {
  if (address.is_unix()) return "unix:" + address.path;
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", address.host, address.port)
              : fmt::format("{}:{}", address.host, address.port);
}

Result<Address> parse_address(std::string_view text) {
  constexpr std::string_view k_unix = "unix:";
  if (text.starts_with(k_unix)) return parse_unix(text, text.substr(k_unix.size()));

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return unreadable(text, "expected host:port or unix:/path");
  std::string host(text.substr(0, colon));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return unreadable(text, "the port must be a number from 0 to 65535");
  }
  if (!is_numeric_host(host)) return unreadable(text, "the host must be an IPv4 or IPv6 address");
  return Address{.host = std::move(host), .port = port, .path = {}};
}

}  // namespace hitless
