#include "examples/vad/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/file.h"

namespace hitless::vad {
namespace {

constexpr std::size_t k_token_bytes_max = std::size_t{64} * 1024;  // Keystone's run to some 16 KiB

}  // namespace

Result<Target> find_target(const std::string& url, const std::string& socket,
                           const std::string& token_file) {
  constexpr std::string_view scheme = "http://";
  const std::string_view whole = url;
  if (!whole.starts_with(scheme)) {
    return Error(Code::invalid, fmt::format("--url {}: must begin with {}", url, scheme));
  }
  const std::string_view rest = whole.substr(scheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  Target target;
  target.host = rest.substr(0, slash);
  target.path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  auto parsed = parse_address(socket.empty() ? target.host : "unix:" + socket);
  if (!parsed) return std::move(parsed).error().context("--url " + url);
  target.to = std::move(*parsed);
  if (!token_file.empty()) {
    HL_TRY_ASSIGN(target.token, read_file(token_file, k_token_bytes_max));
    while (!target.token.empty() && std::isspace(static_cast<unsigned char>(target.token.back()))) {
      target.token.pop_back();
    }
  }
  return target;
}

}  // namespace hitless::vad
