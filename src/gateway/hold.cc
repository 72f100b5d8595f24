#include "gateway/hold.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::gateway {

void Hold::add(Exchange& exchange, std::size_t bytes) {
  waiting_.push_back(&exchange);
  bytes_ += bytes;
}

void Hold::remove(Exchange& exchange, std::size_t bytes) {
  const auto found = std::find(waiting_.begin(), waiting_.end(), &exchange);
  HL_CHECK(found != waiting_.end() && bytes_ >= bytes);
  waiting_.erase(found);
  bytes_ -= bytes;
}

}  // namespace hitless::gateway
