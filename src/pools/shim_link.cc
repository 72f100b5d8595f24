#include "pools/shim_link.h"

#include "base/json.h"

namespace hitless::pools {
namespace {

constexpr std::size_t k_line_bytes_max = 65536;  // a status with long warnings is below 4 KiB

std::string_view to_text(ProcessState state) {
  switch (state) {
    case ProcessState::starting: return "starting";
    case ProcessState::running: return "running";
    case ProcessState::exited: return "exited";
  }
  return "exited";
}

ProcessState state_from_text(std::string_view text) {
  if (text == "running") return ProcessState::running;
  if (text == "exited") return ProcessState::exited;
  return ProcessState::starting;
}

Result<json::object> object_of(std::string_view line) {
  HL_TRY_ASSIGN(json::value value, parse_json(line));
  if (!value.is_object()) return Error(Code::corrupt, "a line that is not a JSON object");
  return std::move(value.get_object());
}

}  // namespace

std::string to_line(const ShimStatus& status) {
  const json::object object{
      {"state", to_text(status.state)},
      {"pid", status.pid},
      {"shim_pid", status.shim_pid},
      {"since_us", to_micros(status.since)},
      {"stop_told", status.stop_told},
      {"warnings", json::array(status.warnings.begin(), status.warnings.end())}};
  return to_json_text(object) + "\n";
}

std::string to_line(const StopCommand& command) {
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(command.grace).count();
  return to_json_text(json::object{{"stop", json::object{{"grace_ms", millis}}}}) + "\n";
}

Result<ShimStatus> status_from_line(std::string_view line) {
  HL_TRY_ASSIGN(const json::object object, object_of(line));
  ShimStatus status;
  HL_TRY_ASSIGN(const std::string state, get_string(object, "state"));
  status.state = state_from_text(state);
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(object, "pid"));
  status.pid = static_cast<pid_t>(pid);
  HL_TRY_ASSIGN(const std::int64_t shim_pid, get_int(object, "shim_pid"));
  status.shim_pid = static_cast<pid_t>(shim_pid);
  HL_TRY_ASSIGN(const std::int64_t since, get_int(object, "since_us"));
  status.since = from_micros(since);
  HL_TRY_ASSIGN(status.stop_told, get_bool(object, "stop_told"));
  HL_TRY_ASSIGN(const json::array* warnings, get_array(object, "warnings"));
  for (const json::value& warning : *warnings) {
    if (warning.is_string()) status.warnings.emplace_back(warning.get_string());
  }
  return status;
}

Result<StopCommand> command_from_line(std::string_view line) {
  HL_TRY_ASSIGN(const json::object object, object_of(line));
  HL_TRY_ASSIGN(const json::object* stop, get_object(object, "stop"));
  HL_TRY_ASSIGN(const std::int64_t grace_ms, get_int(*stop, "grace_ms"));
  if (grace_ms < 0) return Error(Code::invalid, "field [grace_ms] must not be negative");
  return StopCommand{.grace = std::chrono::milliseconds(grace_ms)};
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = bytes_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = bytes_.substr(0, end);
  bytes_.erase(0, end + 1);
  return line;
}

bool LineBuffer::overlong() const {
  return bytes_.size() > k_line_bytes_max;
}

}  // namespace hitless::pools
