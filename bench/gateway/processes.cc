#include "bench/gateway/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/check.h"
#include "base/file.h"

namespace hitless::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds k_stop_patience{20};
constexpr std::size_t k_output_shown = 2000;
constexpr int k_cannot_start = 127;

[[noreturn]] void become(const std::vector<std::string>& argv, int output, pid_t parent, int core) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(k_cannot_start);
  if (core >= 0) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<std::size_t>(core), &cores);
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0) ::_exit(k_cannot_start);
  }
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(words[0], words.data());
  ::_exit(k_cannot_start);
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> all;
  std::error_code gone;
  for (const auto& thread : fs::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    std::ifstream file(thread.path() / "children");
    std::copy(std::istream_iterator<pid_t>(file), {}, std::back_inserter(all));
  }
  return all;
}

// A line "name:  number kB" of a file below /proc.
std::int64_t kilobytes_in(const fs::path& file, std::string_view name) {
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(name)) return std::stoll(line.substr(name.size()));
  }
  return 0;
}

}  // namespace

Child::Child(std::vector<std::string> argv, const fs::path& output, int core) : output_(output) {
  const UniqueFd out(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  HL_CHECK(static_cast<bool>(out));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  HL_CHECK(pid_ >= 0);
  if (pid_ == 0) become(argv, out.get(), parent, core);
}

Child::~Child() {
  if (pid_ == 0) return;
  const std::vector<pid_t> all = tree_of(pid_);
  signal(SIGTERM);
  if (wait(k_stop_patience) || pid_ == 0) return;
  fmt::print(stderr, "process {} does not end: {}\n", pid_, output());
  for (const pid_t pid : all) ::kill(pid, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::has_ended() {
  if (pid_ == 0) return true;
  if (::waitpid(pid_, &status_, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

void Child::signal(int number) const {
  if (pid_ != 0) ::kill(pid_, number);
}

bool Child::wait(std::chrono::milliseconds patience) {
  if (pid_ != 0) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    if (process) ::poll(&ended, 1, static_cast<int>(patience.count()));
  }
  return has_ended() && WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

std::string Child::output() const {
  std::ifstream file(output_);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.size() <= k_output_shown ? text : text.substr(text.size() - k_output_shown);
}

std::vector<pid_t> tree_of(pid_t pid) {
  std::vector<pid_t> all{pid};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<pid_t> children = children_of(all[i]);
    all.insert(all.end(), children.begin(), children.end());
  }
  return all;
}

std::int64_t cpu_nanos(const std::vector<pid_t>& pids) {
  std::int64_t sum = 0;
  for (const pid_t pid : pids) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) continue;
    sum += time.tv_sec * 1'000'000'000LL + time.tv_nsec;
  }
  return sum;
}

std::int64_t private_bytes(const std::vector<pid_t>& pids) {
  std::int64_t sum = 0;
  for (const pid_t pid : pids) {
    sum += kilobytes_in(fmt::format("/proc/{}/status", pid), "RssAnon:") * 1024;
  }
  return sum;
}

void raise_descriptor_limit() {
  rlimit limit{};
  HL_CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  HL_CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

std::size_t open_descriptors(const std::vector<pid_t>& pids) {
  std::size_t sum = 0;
  for (const pid_t pid : pids) {
    const fs::directory_iterator all(fmt::format("/proc/{}/fd", pid));
    sum += static_cast<std::size_t>(std::distance(all, {}));
  }
  return sum;
}

std::vector<CoreTimes> core_times() {
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::vector<CoreTimes> all;
  std::ifstream stat("/proc/stat");
  std::string line;
  std::getline(stat, line);  // the sum of all
  while (std::getline(stat, line) && line.starts_with("cpu")) {
    std::istringstream fields(line);
    std::string name;
    double user = 0, nice = 0, system = 0, idle = 0, waits = 0, irq = 0, softirq = 0, stolen = 0;
    fields >> name >> user >> nice >> system >> idle >> waits >> irq >> softirq >> stolen;
    const auto core = static_cast<std::size_t>(std::stoul(name.substr(3)));
    if (all.size() <= core) all.resize(core + 1);
    all[core] = {.busy = (user + nice + system + irq + softirq) / ticks, .stolen = stolen / ticks};
  }
  return all;
}

Cores choose_cores() {
  cpu_set_t allowed;
  HL_CHECK(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &allowed)) cores.push_back(core);
  }
  HL_CHECK(!cores.empty());
  return {.load = cores.front(), .proxy = cores.back()};
}

void pin_this_process(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(core), &cores);
  HL_CHECK(::sched_setaffinity(0, sizeof cores, &cores) == 0);
}

AllCores::AllCores() {
  HL_CHECK(::sched_getaffinity(0, sizeof cores_, &cores_) == 0);
}

void AllCores::restore() const {
  HL_CHECK(::sched_setaffinity(0, sizeof cores_, &cores_) == 0);
}

}  // namespace hitless::bench
