#include "gateway/hold.h"

#include <algorithm>

#include "base/check.h"

namespace hitless::gateway {

void Hold::add(Exchange& exchange) {
  waiting_.push_back(&exchange);
}

void Hold::remove(Exchange& exchange) {
  const auto found = std::find(waiting_.begin(), waiting_.end(), &exchange);
  HL_CHECK(found != waiting_.end());
  waiting_.erase(found);
}

}  // namespace hitless::gateway
