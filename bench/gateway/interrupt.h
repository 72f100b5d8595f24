// How the benchmark ends before its time: SIGINT, SIGTERM, or something that makes its figures
// worthless.  Either way in an orderly manner: what it started is stopped, its folders are removed.
#pragma once

#include <string_view>

namespace hitless::bench {

void catch_interrupts();

// Prints why; everything under way then comes to its end.
void give_up(std::string_view why);

bool is_ending();  // interrupted or given up
bool has_given_up();

}  // namespace hitless::bench
