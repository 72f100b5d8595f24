#include "api/auth.h"

#include <fmt/format.h>
#include <pwd.h>

#include <array>

#include "base/crypto.h"

namespace hitless::api {
namespace {

// A line of the user database; longer ones are as if the user had no name.
constexpr std::size_t k_passwd_bytes_max = 4096;

std::string_view token_of(const net::HttpRequest& request) {
  const std::string_view own = request.headers.get("X-Auth-Token");
  if (!own.empty()) return own;
  constexpr std::string_view k_scheme = "Bearer ";
  const std::string_view authorization = request.headers.get("Authorization");
  if (authorization.starts_with(k_scheme)) return authorization.substr(k_scheme.size());
  return {};
}

}  // namespace

Checked<void> check_caller(const ApiOptions& options, const net::HttpRequest& request,
                           const net::HttpPeer& peer) {
  if (peer.uid.has_value()) {
    if (*peer.uid == 0 || *peer.uid == options.uid) return {};
    return Failure(Cause::wrong_user,
                   fmt::format("User {} may not use this socket: it is for root and user {}.",
                               *peer.uid, options.uid));
  }
  const std::string_view token = token_of(request);
  if (token.empty()) {
    return Failure(Cause::no_token,
                   "No token: send it as X-Auth-Token, or as Authorization: Bearer.");
  }
  // An empty token of ours never lets anybody in.
  if (options.token.empty() || !equal_in_constant_time(token, options.token)) {
    return Failure(Cause::bad_token, "The token is not valid.");
  }
  return {};
}

std::string caller_name(const net::HttpPeer& peer) {
  if (!peer.uid) return "token";
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, k_passwd_bytes_max> buffer{};
  ::getpwuid_r(*peer.uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->pw_name) : fmt::format("user {}", *peer.uid);
}

}  // namespace hitless::api
