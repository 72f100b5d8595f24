// Structured log: one line, one event.  An event has a name from a fixed list (the call sites),
// then ids and fields.  Leaves return Errors; only the top of a chain of calls logs.
//
//   log_warn("instance_exited", {{"instance", id}, {"status", "exit 1"}});
//
// debug: for whoever develops hitless.  info: what happened.  warn: someone should look.
// error: a promise was broken.  Any thread; one write per line, to standard error or a file.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace hitless {

enum class LogLevel { debug, info, warn, error };

using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

// Once, before threads start.  `file` empty means standard error.
Result<void> open_log(LogLevel level, const std::string& file);

void log_event(LogLevel level, std::string_view event, LogFields fields);

inline void log_debug(std::string_view event, LogFields fields = {}) {
  log_event(LogLevel::debug, event, fields);
}
inline void log_info(std::string_view event, LogFields fields = {}) {
  log_event(LogLevel::info, event, fields);
}
inline void log_warn(std::string_view event, LogFields fields = {}) {
  log_event(LogLevel::warn, event, fields);
}
inline void log_error(std::string_view event, LogFields fields = {}) {
  log_event(LogLevel::error, event, fields);
}

}  // namespace hitless
