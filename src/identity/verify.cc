#include "identity/verify.h"

#include <algorithm>

#include "base/crypto.h"

namespace hitless::identity {

TokenVerifier::TokenVerifier(std::vector<std::string> digests) : digests_(std::move(digests)) {
  std::sort(digests_.begin(), digests_.end());
}

// The search branches on the digest of what was sent, which nobody can steer towards a stored one;
// the last comparison is constant in time.
bool TokenVerifier::accepts(std::string_view token) const {
  if (token.empty()) return false;
  const std::string digest = sha256_hex(token);
  const auto found = std::lower_bound(digests_.begin(), digests_.end(), digest);
  return found != digests_.end() && equal_in_constant_time(*found, digest);
}

}  // namespace hitless::identity
