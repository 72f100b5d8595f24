// Processes for tests: started with their output in a file, waited for with a deadline.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hitless::tests {

// Long enough for the slowest sanitizer build on a busy machine; whoever meets it has failed.
constexpr std::chrono::seconds k_patience{60};

// Starts argv[0] with its output appended to `output`.  The child dies with this thread's process.
pid_t spawn(const std::vector<std::string>& argv, const std::filesystem::path& output);

// The exit status (128 + N for signal N); nullopt when it has not ended within `patience`.
std::optional<int> wait_for_end(pid_t pid, std::chrono::milliseconds patience = k_patience);

// Asks again and again, a few milliseconds apart, until it holds.  False at the deadline.
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = k_patience,
                std::chrono::milliseconds interval = std::chrono::milliseconds(5));

// The end of a text file; empty when it cannot be read.
std::string tail_of(const std::filesystem::path& file, std::size_t bytes);

}  // namespace hitless::tests
