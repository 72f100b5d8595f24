#include "pools/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "base/file.h"

namespace hitless::pools {
namespace {

// Threads count as tasks; a model server with a few pools of threads has some hundred.  A fork
// bomb ends here instead of at the machine's limit.
constexpr int k_tasks_max = 4096;
constexpr std::int64_t k_period_us = 100000;   // the kernel's default for CPU bandwidth
constexpr std::int64_t k_quota_min_us = 1000;  // the kernel refuses less
constexpr std::size_t k_file_bytes_max = 1 << 20;
constexpr int k_make_attempts = 8;  // against somebody who removes the empty parent meanwhile

Result<void> put(const std::filesystem::path& file, std::string_view value) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return system_error("opening", file.string(), errno);
  if (::write(fd.get(), value.data(), value.size()) < 0) {
    return system_error("writing", file.string(), errno);
  }
  return {};
}

// "key value" lines, as memory.events and memory.oom_control have them.
std::int64_t counter_in(const std::filesystem::path& file, std::string_view key) {
  std::istringstream lines(read_file(file, k_file_bytes_max).value_or(""));
  std::string word;
  std::int64_t value = 0;
  while (lines >> word >> value) {
    if (word == key) return value;
  }
  return 0;
}

bool has_word(std::string_view text, std::string_view wanted, char separator) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (text.substr(0, end) == wanted) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

void take_unified(CgroupLayout& layout, const std::filesystem::path& mount) {
  std::string controllers = read_file(mount / "cgroup.controllers", 4096).value_or("");
  while (!controllers.empty() && controllers.back() == '\n') controllers.pop_back();
  layout.unified_memory = has_word(controllers, "memory", ' ');
  layout.unified_cpu = has_word(controllers, "cpu", ' ');
  layout.unified_pids = has_word(controllers, "pids", ' ');
  if (layout.unified_memory || layout.unified_cpu || layout.unified_pids) layout.unified = mount;
}

// One line of mountinfo: "36 35 98:0 /root /mount options - type source super-options".
void take_mount(CgroupLayout& layout, const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return;
  std::istringstream before(line.substr(0, dash));
  std::istringstream after(line.substr(dash + 3));
  std::string word, mount, type, source, options;
  before >> word >> word >> word >> word >> mount;
  after >> type >> source >> options;
  if (type == "cgroup2" && layout.unified.empty()) take_unified(layout, mount);
  if (type != "cgroup") return;
  if (has_word(options, "memory", ',')) layout.memory = mount;
  if (has_word(options, "cpu", ',')) layout.cpu = mount;
  if (has_word(options, "pids", ',')) layout.pids = mount;
}

std::int64_t quota_us(std::int64_t cpu_millis) {
  return std::max(k_quota_min_us, cpu_millis * k_period_us / 1000);
}

}  // namespace

CgroupLayout CgroupLayout::of_machine() {
  return from_mounts(read_file("/proc/self/mountinfo", k_file_bytes_max).value_or(""));
}

CgroupLayout CgroupLayout::from_mounts(std::string_view mountinfo) {
  CgroupLayout layout;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) take_mount(layout, line);
  return layout;
}

std::vector<std::string> CgroupLayout::probe() const {
  const Cgroup trial(*this, fmt::format("hitless/probe-{}", ::getpid()));
  std::vector<std::string> refused = trial.create({.cpu_millis = 1000, .memory_mib = 64});
  trial.remove();
  return refused;
}

std::vector<Cgroup::Part> Cgroup::parts() const {
  std::vector<Part> parts;
  const auto take = [&parts](const std::filesystem::path& root, bool memory, bool cpu, bool pids,
                             bool unified) {
    if (!root.empty() && (memory || cpu || pids)) {
      parts.push_back({root, memory, cpu, pids, unified});
    }
  };
  take(layout_.memory, true, false, false, false);
  take(layout_.cpu, false, true, false, false);
  take(layout_.pids, false, false, true, false);
  take(layout_.unified, layout_.memory.empty() && layout_.unified_memory,
       layout_.cpu.empty() && layout_.unified_cpu, layout_.pids.empty() && layout_.unified_pids,
       true);
  return parts;
}

Result<void> Cgroup::make(const Part& part) const {
  const std::filesystem::path folder = part.root / name_;
  const std::filesystem::path parent = folder.parent_path();
  for (int attempt = 0; attempt < k_make_attempts; ++attempt) {
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
      return system_error("making the control group", parent.string(), errno);
    }
    if (part.unified) {
      // Version 2 hands controllers down level by level.
      const std::string wanted = fmt::format("{}{}{}", part.memory ? "+memory " : "",
                                             part.cpu ? "+cpu " : "", part.pids ? "+pids" : "");
      for (const auto& level : {part.root, parent}) {
        auto handed = put(level / "cgroup.subtree_control", wanted);
        if (!handed && handed.error().code() != Code::not_found) return handed;
      }
    }
    if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST) return {};
    if (errno != ENOENT) return system_error("making the control group", folder.string(), errno);
  }
  return Error(Code::unavailable, folder.string() + " cannot be made: its parent keeps vanishing");
}

void Cgroup::limit(const Part& part, const model::Resources& limits,
                   std::vector<std::string>& refused) const {
  const std::filesystem::path folder = part.root / name_;
  const auto set = [&](std::string_view what, const char* file, const std::string& value) {
    if (auto done = put(folder / file, value); !done) {
      refused.push_back(fmt::format("{} limits are not enforced: {}", what, done.error().text()));
    }
  };
  if (part.memory && limits.memory_mib > 0) {
    const std::string bytes = std::to_string(limits.memory_mib << 20);
    set("memory", part.unified ? "memory.max" : "memory.limit_in_bytes", bytes);
    // Swap would only make it slow before it dies; not every kernel accounts for it.
    (void)put(folder / (part.unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
              part.unified ? "0" : bytes);
    if (part.unified) (void)put(folder / "memory.oom.group", "1");
  }
  if (part.cpu && limits.cpu_millis > 0) {
    const std::int64_t quota = quota_us(limits.cpu_millis);
    if (part.unified) {
      set("CPU", "cpu.max", fmt::format("{} {}", quota, k_period_us));
    } else {
      set("CPU", "cpu.cfs_quota_us", std::to_string(quota));
    }
  }
  if (part.pids) set("process number", "pids.max", std::to_string(k_tasks_max));
}

std::vector<std::string> Cgroup::create(const model::Resources& limits) const {
  std::vector<std::string> refused;
  bool memory = false, cpu = false, pids = false;
  for (const Part& part : parts()) {
    memory |= part.memory;
    cpu |= part.cpu;
    pids |= part.pids;
    if (auto made = make(part); !made) {
      const char* what = part.unified  ? "memory and CPU"
                         : part.memory ? "memory"
                         : part.cpu    ? "CPU"
                                       : "process number";
      refused.push_back(fmt::format("{} limits are not enforced: {}", what, made.error().text()));
      continue;
    }
    limit(part, limits, refused);
  }
  if (!memory) refused.emplace_back("memory limits are not enforced: no memory control group");
  if (!cpu) refused.emplace_back("CPU limits are not enforced: no cpu control group");
  if (!pids) refused.emplace_back("process number limits are not enforced: no pids control group");
  return refused;
}

void Cgroup::add(pid_t pid) const {
  // Where it could not be made, create() has said so.
  for (const Part& part : parts()) {
    (void)put(part.root / name_ / "cgroup.procs", std::to_string(pid));
  }
}

std::vector<pid_t> Cgroup::members() const {
  std::vector<pid_t> pids;
  for (const Part& part : parts()) {
    std::istringstream lines(
        read_file(part.root / name_ / "cgroup.procs", k_file_bytes_max).value_or(""));
    for (pid_t pid = 0; lines >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::int64_t Cgroup::out_of_memory_kills() const {
  for (const Part& part : parts()) {
    if (!part.memory) continue;
    const char* file = part.unified ? "memory.events" : "memory.oom_control";
    return counter_in(part.root / name_ / file, "oom_kill");
  }
  return 0;
}

bool Cgroup::remove() const {
  bool gone = true;
  for (const Part& part : parts()) {
    const std::filesystem::path folder = part.root / name_;
    if (::rmdir(folder.c_str()) != 0 && errno != ENOENT) gone = false;
    // The parent stays as long as another instance is in it.
    ::rmdir(folder.parent_path().c_str());
  }
  return gone;
}

}  // namespace hitless::pools
