#include "identity/verify.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace hitless::identity {
namespace {

TEST(TokenVerifier, AcceptsTheTokensWhoseDigestsItHas) {
  const TokenVerifier verifier({sha256_hex("second"), sha256_hex("first")});
  EXPECT_TRUE(verifier.accepts("first"));
  EXPECT_TRUE(verifier.accepts("second"));
  EXPECT_FALSE(verifier.accepts("third"));
  EXPECT_FALSE(verifier.accepts("firs"));
  EXPECT_FALSE(verifier.accepts(sha256_hex("first")));
}

TEST(TokenVerifier, AcceptsNobodyWithoutATokenOrWithoutDigests) {
  EXPECT_FALSE(TokenVerifier({sha256_hex("")}).accepts(""));
  EXPECT_FALSE(TokenVerifier().accepts("first"));
}

}  // namespace
}  // namespace hitless::identity
