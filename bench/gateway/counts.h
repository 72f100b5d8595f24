// What the counting programs say.  Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hitless::bench {

// Instructions, of a file that cachegrind or callgrind wrote: the first number of its total.
std::optional<std::int64_t> instructions_in(std::string_view file);

// The sum over all events of what `perf stat -x,` wrote; nullopt when it could not count one.
std::optional<std::int64_t> events_in(std::string_view csv);

}  // namespace hitless::bench
