// The token that was last found valid: the next request with it costs a comparison, not a hash.
//
// What was found valid under one set of tokens says nothing under another, so it goes by the table
// that brought the set, never by the set's address, which may be another's soon.
// Thread: the worker's.
#pragma once

#include <string>
#include <string_view>

#include "base/crypto.h"
#include "model/ids.h"

namespace hitless::gateway {

class TokenMemory {
 public:
  // `since`: Table::tokens_since() as it is now.  In constant time, as it compares a secret.
  bool holds(std::string_view token, model::Generation since) const {
    return since_ == since && equal_in_constant_time(token, token_);
  }
  void keep(std::string_view token, model::Generation since) {
    token_ = token;
    since_ = since;
  }

 private:
  std::string token_;
  model::Generation since_ = 0;  // no table
};

}  // namespace hitless::gateway
