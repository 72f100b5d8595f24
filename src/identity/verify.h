// identity/ - who may do what.
//
// Owns:      how a token is checked.
// May touch: base.
// Not here:  where tokens are kept (store), how they travel in a request (api, gateway).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hitless::identity {

// A set of tokens, known by their SHA-256 only, so that whoever reads it learns no token.
//
// Value; any thread.  The comparison takes the same time whatever a wrong token looks like.
class TokenVerifier {
 public:
  TokenVerifier() = default;                                 // accepts nobody
  explicit TokenVerifier(std::vector<std::string> digests);  // 64 hex digits each

  // Hashes: about a microsecond.  Callers with many requests of one peer keep the answer.
  bool accepts(std::string_view token) const;

  friend bool operator==(const TokenVerifier&, const TokenVerifier&) = default;

 private:
  std::vector<std::string> digests_;  // ordered
};

}  // namespace hitless::identity
