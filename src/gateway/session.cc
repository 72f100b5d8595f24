#include "gateway/session.h"

#include <cmath>

namespace hitless::gateway {
namespace {

using net::http1::FieldLine;
using net::http1::same_text;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "a=1; b=2"
std::string_view cookie_in(std::string_view line, std::string_view name) {
  while (!line.empty()) {
    const std::string_view pair = line.substr(0, line.find(';'));
    line.remove_prefix(std::min(line.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) continue;
    return trimmed(pair.substr(equals + 1));
  }
  return {};
}

}  // namespace

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0xcbf29ce484222325;
  for (const char byte : text) {
    number = (number ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  return mixed(number);
}

// The time until the first event of a process with this rate, the other way round: of several, each
// is first as often as its rate says.
double standing_of(std::uint64_t session, std::uint64_t place, double weight) {
  constexpr double k_unit = 0x1p-53;
  const std::uint64_t number = mixed(session ^ (place * 0x9e3779b97f4a7c15));
  const double share = (static_cast<double>(number >> 11) + 0.5) * k_unit;
  return weight / -std::log(share);
}

std::string_view session_of(const net::http1::Head& head, const model::Sticky& sticky) {
  const bool by_cookie = sticky.by == model::Sticky::By::cookie;
  const std::string_view name = by_cookie ? std::string_view("cookie") : sticky.name;
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const FieldLine& line = head.fields[i];
    if (!same_text(line.name, name)) continue;
    const std::string_view found = by_cookie ? cookie_in(line.value, sticky.name) : line.value;
    if (!found.empty()) return found;
  }
  return {};
}

std::string cookie_of(std::string_view name, std::string_view session, std::string_view service) {
  std::string text(name);
  text.append("=").append(session).append("; Path=/v1/infers/").append(service);
  return text.append("; HttpOnly; SameSite=Lax");
}

}  // namespace hitless::gateway
