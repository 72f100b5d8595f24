#include "net/http1_target.h"

#include <algorithm>

#include "net/http1.h"

namespace hitless::net::http1 {
namespace {

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// Of names, IPv4 addresses and what stands between the brackets of an IPv6 address, with '%'.
bool is_host_byte(char byte) {
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  return letter || is_digit(byte) ||
         std::string_view("-._~!$&'()*+;=%").find(byte) != std::string_view::npos;
}

bool is_port(std::string_view text) {
  constexpr std::size_t k_port_digits_max = 5;
  return text.size() <= k_port_digits_max && std::all_of(text.begin(), text.end(), is_digit);
}

// "host", "host:port" or "[address]:port".  A user before an '@' is an attempt to mislead (RFC 9110
// section 4.2.4), and a host that is empty names nothing (section 4.2.1).
bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    const auto is_inner = [](char byte) { return byte == ':' || is_host_byte(byte); };
    if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(end), is_inner)) {
      return false;
    }
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_byte)) return false;
  return colon == std::string_view::npos || is_port(text.substr(colon + 1));
}

}  // namespace

bool is_other_target(std::string_view method, std::string_view target) {
  if (target == "*") return method == "OPTIONS";
  if (method == "CONNECT") return is_authority(target);
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view scheme = target.substr(0, colon);
  if (!same_text(scheme, "http") && !same_text(scheme, "https")) return false;
  const std::string_view rest = target.substr(colon + 3);
  return is_authority(rest.substr(0, rest.find_first_of("/?")));
}

}  // namespace hitless::net::http1
