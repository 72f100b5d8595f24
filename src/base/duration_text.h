// Times as people read them.  Pure.
#pragma once

#include <string>

#include "base/clock.h"

namespace hitless {

// "850 µs", "12.3 ms", "346 ms", "4.21 s", "40 s", "3 min 5 s", "2 h 5 min": three figures at the
// most, none of them a 0 that says nothing.
std::string duration_text(Duration duration);

}  // namespace hitless
