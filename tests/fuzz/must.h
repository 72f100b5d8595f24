// What a fuzz program holds true.  Where it is not, the line is said and the program ends.
#pragma once

#include <cstdio>
#include <cstdlib>

inline void must(bool holds, int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "what must hold in line %d does not\n", line);
  std::abort();
}
