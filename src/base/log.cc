#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace hitless {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.find_first_of(" \"=\\\n\r\t") == std::string_view::npos;
}

void append_value(std::string& line, std::string_view text) {
  if (is_plain(text)) {
    line.append(text);
    return;
  }
  line.push_back('"');
  for (const char c : text) {
    if (c == '\n') {
      line.append("\\n");
    } else if (c == '\r') {
      line.append("\\r");
    } else {
      if (c == '"' || c == '\\') line.push_back('\\');
      line.push_back(c);
    }
  }
  line.push_back('"');
}

// The process's log: standard error until open_log says otherwise.
spdlog::logger& logger() {
  static spdlog::logger& instance = *[] {
    auto made = std::make_shared<spdlog::logger>("hitless",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::info);
    spdlog::set_default_logger(made);
    return made.get();
  }();
  return instance;
}

}  // namespace

Result<void> open_log(LogLevel level, const std::string& file) {
  logger().set_level(to_spdlog(level));
  if (file.empty()) return {};
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    logger().sinks().assign({sink});
  } catch (const spdlog::spdlog_ex& failure) {
    return Error(Code::unavailable, failure.what()).context("opening the log " + file);
  }
  return {};
}

void log_event(LogLevel level, std::string_view event, LogFields fields) {
  const spdlog::level::level_enum at = to_spdlog(level);
  if (!logger().should_log(at)) return;
  std::string line(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=");
    append_value(line, value);
  }
  logger().log(at, "{}", line);
}

}  // namespace hitless
