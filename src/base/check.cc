#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hitless::detail {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "hitless: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace hitless::detail
