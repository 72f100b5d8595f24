#include "base/metrics_text.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace hitless {
namespace {

constexpr Metric k_cpu{"process_cpu_seconds_total", "counter",
                       "User and system time that the process was on a core."};
constexpr Metric k_memory{"process_resident_memory_bytes", "gauge", "Memory that is in use."};
constexpr Metric k_descriptors{"process_open_fds", "gauge", "Open descriptors."};
constexpr Metric k_descriptors_max{"process_max_fds", "gauge", "Descriptors it may have."};
constexpr Metric k_started{"process_start_time_seconds", "gauge",
                           "When the process began, in seconds since 1970."};

void put_escaped(std::string& text, std::string_view value) {
  for (const char byte : value) {
    switch (byte) {
      case '\\': text += "\\\\"; break;
      case '"': text += "\\\""; break;
      case '\n': text += "\\n"; break;
      default: text += byte;
    }
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// The n-th word of /proc/self/stat behind the command's name, which may have blanks; 0: unknown.
std::uint64_t stat_word(int index) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t behind = line.rfind(')');
  if (behind == std::string::npos) return 0;
  std::istringstream words(line.substr(behind + 1));
  std::string word;
  for (int i = 0; i <= index; ++i) words >> word;
  return std::strtoull(word.c_str(), nullptr, 10);
}

double read_started_at() {
  constexpr int k_start_time = 19;  // field 22, of which the first behind the name is 3
  double uptime = 0;
  std::ifstream("/proc/uptime") >> uptime;
  const double age = uptime - static_cast<double>(stat_word(k_start_time)) /
                                  static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return now.count() - age;
}

// Read once: two clocks, read one after the other, never say quite the same again.
double started_at() {
  static const double at = read_started_at();
  return at;
}

}  // namespace

void MetricsText::begin(const Metric& metric) {
  name_ = metric.name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help, metric.name,
                       metric.type);
}

void MetricsText::put_name(std::string_view suffix, Labels labels, std::string_view edge) {
  text_.append(name_).append(suffix);
  if (labels.size() == 0 && edge.empty()) return;
  char before = '{';
  const auto put = [&](std::string_view name, std::string_view value) {
    text_ += before;
    text_.append(name).append("=\"");
    put_escaped(text_, value);
    text_ += '"';
    before = ',';
  };
  for (const auto& [name, value] : labels) put(name, value);
  if (!edge.empty()) put("le", edge);
  text_ += '}';
}

void MetricsText::sample(Labels labels, std::uint64_t value) {
  put_name("", labels, "");
  text_ += fmt::format(" {}\n", value);
}

void MetricsText::sample(Labels labels, double value) {
  put_name("", labels, "");
  text_ += fmt::format(" {}\n", value);
}

void MetricsText::histogram(Labels labels, std::span<const Bucket> buckets, std::uint64_t count,
                            double sum) {
  for (const Bucket& bucket : buckets) {
    put_name("_bucket", labels, fmt::format("{}", bucket.upper_edge));
    text_ += fmt::format(" {}\n", bucket.count);
  }
  put_name("_bucket", labels, "+Inf");
  text_ += fmt::format(" {}\n", count);
  put_name("_sum", labels, "");
  text_ += fmt::format(" {}\n", sum);
  put_name("_count", labels, "");
  text_ += fmt::format(" {}\n", count);
}

void add_process_metrics(MetricsText& text) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  text.add(k_cpu, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  constexpr int k_resident = 21;  // field 24
  text.add(k_memory, stat_word(k_resident) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  std::error_code failure;
  std::uint64_t open = 0;
  for (std::filesystem::directory_iterator each("/proc/self/fd", failure), end;
       !failure && each != end; each.increment(failure)) {
    ++open;
  }
  text.add(k_descriptors, open);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  text.add(k_descriptors_max, static_cast<std::uint64_t>(limit.rlim_cur));
  text.add(k_started, started_at());
}

}  // namespace hitless
