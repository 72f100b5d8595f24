#include "pools/process_table.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/file.h"

namespace hitless::pools {
namespace {

constexpr std::size_t k_proc_file_bytes_max = 65536;  // stat and status are a few hundred

}  // namespace

std::optional<ProcessFacts> facts_of(pid_t pid) {
  const std::string text =
      read_file(fmt::format("/proc/{}/stat", pid), k_proc_file_bytes_max).value_or("");
  // The name, in parentheses, may hold anything: what we read starts behind the last ')'.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessFacts facts{.pid = pid};
  char state = '?';
  unsigned long long start = 0;
  const int fields =
      std::sscanf(text.c_str() + name_end + 1,
                  " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                  &state, &facts.parent, &facts.group, &facts.session, &start);
  if (fields != 5) return std::nullopt;
  facts.start_ticks = start;
  facts.zombie = state == 'Z' || state == 'X';
  return facts;
}

std::vector<ProcessFacts> all_processes() {
  std::vector<ProcessFacts> processes;
  std::error_code failure;
  for (std::filesystem::directory_iterator entry("/proc", failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (auto facts = facts_of(pid)) processes.push_back(*facts);
  }
  return processes;
}

std::optional<uid_t> user_of(pid_t pid) {
  const std::string text =
      read_file(fmt::format("/proc/{}/status", pid), k_proc_file_bytes_max).value_or("");
  const std::size_t line = text.find("\nUid:");
  unsigned user = 0;
  if (line == std::string::npos || std::sscanf(text.c_str() + line, "\nUid: %u", &user) != 1) {
    return std::nullopt;
  }
  return user;
}

}  // namespace hitless::pools
