#include <fmt/format.h>
#include <sched.h>

#include <cstdio>
#include <sstream>

#include "base/file.h"
#include "pools/cgroup.h"

namespace hitless::pools {
namespace {

constexpr std::size_t k_file_bytes_max = 1 << 20;

// The path of our own group, from "4:memory:/a/b" (version 1) or "0::/a/b" (version 2).
std::filesystem::path own_group(std::string_view controller) {
  std::istringstream lines(read_file("/proc/self/cgroup", k_file_bytes_max).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string wanted = fmt::format(",{},", controller);
    if (names.find(wanted) != std::string::npos) {
      return std::filesystem::path(line.substr(second + 1)).relative_path();
    }
  }
  return {};
}

std::optional<std::int64_t> number_in(const std::filesystem::path& file) {
  const std::string text = read_file(file, k_file_bytes_max).value_or("");
  long long number = 0;
  if (std::sscanf(text.c_str(), "%lld", &number) != 1) return std::nullopt;
  return number;
}

std::int64_t processors_millis() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  return std::int64_t{CPU_COUNT(&set)} * 1000;
}

std::int64_t installed_bytes() {
  const std::string text = read_file("/proc/meminfo", k_file_bytes_max).value_or("");
  long long kib = 0;
  return std::sscanf(text.c_str(), "MemTotal: %lld", &kib) == 1 ? kib * 1024 : 0;
}

void narrow(std::int64_t& value, std::optional<std::int64_t> limit) {
  if (limit && *limit > 0) value = std::min(value, *limit);
}

// CPU time per second in thousandths; absent: not limited.
std::optional<std::int64_t> cpu_limit(const std::filesystem::path& group, bool unified) {
  long long quota = 0, period = 0;
  if (unified) {
    const std::string text = read_file(group / "cpu.max", k_file_bytes_max).value_or("");
    if (std::sscanf(text.c_str(), "%lld %lld", &quota, &period) != 2) return std::nullopt;
  } else {
    quota = number_in(group / "cpu.cfs_quota_us").value_or(-1);
    period = number_in(group / "cpu.cfs_period_us").value_or(0);
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota * 1000 / period;
}

}  // namespace

model::Resources machine_capacity(const CgroupLayout& layout) {
  std::int64_t cpu = processors_millis();
  std::int64_t memory = installed_bytes();
  // A limit of any group above ours is ours too.
  const auto climb = [](const std::filesystem::path& root, std::string_view controller,
                        const auto& visit) {
    for (auto group = own_group(controller); !group.empty(); group = group.parent_path()) {
      visit(root / group);
    }
  };
  const auto see_memory = [&](const char* file) {
    return [&memory, file](const auto& group) { narrow(memory, number_in(group / file)); };
  };
  const auto see_cpu = [&](bool unified) {
    return [&cpu, unified](const auto& group) { narrow(cpu, cpu_limit(group, unified)); };
  };
  if (!layout.memory.empty()) climb(layout.memory, "memory", see_memory("memory.limit_in_bytes"));
  if (!layout.cpu.empty()) climb(layout.cpu, "cpu", see_cpu(false));
  if (!layout.unified.empty()) {
    climb(layout.unified, "", see_memory("memory.max"));
    climb(layout.unified, "", see_cpu(true));
  }
  return {.cpu_millis = cpu, .memory_mib = memory >> 20};
}

}  // namespace hitless::pools
