#include "pools/instance_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/json.h"

namespace hitless::pools {
namespace {

constexpr std::size_t k_record_bytes_max = 4 << 20;  // argument and environment lists, generously

Result<json::object> read_object(const std::filesystem::path& path) {
  HL_TRY_ASSIGN(const std::string text, read_file(path, k_record_bytes_max));
  Result<json::value> value = parse_json(text);
  if (!value) return std::move(value).error().context(path.string());
  if (!value->is_object()) return Error(Code::corrupt, path.string() + " is not a JSON object");
  return std::move(value->get_object());
}

// Whole or not at all for readers, but not synced: a start must not wait for a busy disk, and after
// a crash of the machine no instance runs, whatever the records say.
Result<void> put_record(const std::filesystem::path& path, const json::object& object,
                        mode_t mode) {
  const std::string aside = path.string() + ".new";
  const std::string text = to_json_text(object) + "\n";
  const UniqueFd fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return system_error("creating", aside, errno);
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const int reason = written < 0 ? errno : ENOSPC;
    ::unlink(aside.c_str());
    return system_error("writing", aside, reason);
  }
  if (::rename(aside.c_str(), path.c_str()) != 0) return system_error("renaming", aside, errno);
  return {};
}

Result<std::vector<std::string>> texts_of(const json::array& array, std::string_view name) {
  std::vector<std::string> texts;
  for (const json::value& item : array) {
    if (!item.is_string()) {
      return Error(Code::corrupt, fmt::format("field [{}] must be a list of strings", name));
    }
    texts.emplace_back(item.get_string());
  }
  return texts;
}

Result<void> read_lists(const json::object& from, RunRecord& record) {
  HL_TRY_ASSIGN(const json::array* command, get_array(from, "command"));
  HL_TRY_ASSIGN(record.command, texts_of(*command, "command"));
  HL_TRY_ASSIGN(const json::array* warnings, get_array(from, "warnings"));
  HL_TRY_ASSIGN(record.warnings, texts_of(*warnings, "warnings"));
  HL_TRY_ASSIGN(const json::object* environment, get_object(from, "environment"));
  for (const auto& [name, value] : *environment) {
    if (!value.is_string()) return Error(Code::corrupt, "field [environment] must hold strings");
    record.environment.emplace(std::string(name), std::string(value.get_string()));
  }
  return {};
}

Result<RunRecord> run_record_from(const json::object& from) {
  RunRecord record;
  HL_TRY_ASSIGN(std::string id, get_string(from, "id"));
  record.id = model::InstanceId(std::move(id));
  HL_TRY_ASSIGN(const auto service, find_string(from, "service"));
  record.service = model::ServiceId(service.value_or(""));
  HL_TRY(read_lists(from, record));
  HL_TRY_ASSIGN(const std::string package, get_string(from, "package"));
  record.package = package;
  HL_TRY_ASSIGN(const std::string address, get_string(from, "address"));
  HL_TRY_ASSIGN(record.address, parse_address(address));
  HL_TRY_ASSIGN(const std::int64_t port, get_int(from, "port"));
  record.port = static_cast<std::uint16_t>(port);
  if (from.contains("gpus")) {  // those of before there were any have none
    HL_TRY_ASSIGN(const json::array* gpus, get_array(from, "gpus"));
    for (const json::value& device : *gpus) {
      if (!device.is_int64()) return Error(Code::corrupt, "field [gpus] must hold numbers");
      record.gpus.push_back(static_cast<int>(device.get_int64()));
    }
  }
  HL_TRY_ASSIGN(record.limits.cpu_millis, get_int(from, "cpu_millis"));
  HL_TRY_ASSIGN(record.limits.memory_mib, get_int(from, "memory_mib"));
  HL_TRY_ASSIGN(const auto user, find_int(from, "user"));
  if (user) record.user = static_cast<uid_t>(*user);
  HL_TRY_ASSIGN(const auto cgroup, find_string(from, "cgroup"));
  record.cgroup = cgroup.value_or("");
  HL_TRY_ASSIGN(const std::int64_t log_bytes_max, get_int(from, "log_bytes_max"));
  record.log_bytes_max = static_cast<std::size_t>(log_bytes_max);
  HL_TRY_ASSIGN(const auto boot, find_string(from, "boot"));
  record.boot = boot.value_or("");
  HL_TRY_ASSIGN(const std::int64_t created_at, get_int(from, "created_at_us"));
  record.created_at = from_micros(created_at);
  return record;
}

}  // namespace

std::string describe(const ExitRecord& record, const model::Resources& limits) {
  if (!record.error.empty()) return record.error;
  std::string text = record.signal ? fmt::format("killed by signal {}", *record.signal)
                                   : fmt::format("exit status {}", record.status.value_or(0));
  if (record.out_of_memory) {
    text += limits.memory_mib > 0 ? fmt::format(" (out of memory, limit {} MiB)", limits.memory_mib)
                                  : std::string(" (out of memory)");
  }
  return text;
}

Result<void> write_record(const InstanceFolder& folder, const RunRecord& record) {
  json::object object{{"id", record.id.text()},
                      {"service", record.service.text()},
                      {"package", record.package.string()},
                      {"address", to_text(record.address)},
                      {"port", record.port},
                      {"gpus", json::array(record.gpus.begin(), record.gpus.end())},
                      {"cpu_millis", record.limits.cpu_millis},
                      {"memory_mib", record.limits.memory_mib},
                      {"cgroup", record.cgroup},
                      {"log_bytes_max", record.log_bytes_max},
                      {"boot", record.boot},
                      {"created_at_us", to_micros(record.created_at)}};
  if (record.user) object["user"] = *record.user;
  object["command"] = json::array(record.command.begin(), record.command.end());
  object["warnings"] = json::array(record.warnings.begin(), record.warnings.end());
  json::object environment;
  for (const auto& [name, value] : record.environment) environment[name] = value;
  object["environment"] = std::move(environment);
  // Variables may be secrets: the file is its owner's alone.
  return put_record(folder.spec(), object, 0600);
}

Result<void> write_record(const InstanceFolder& folder, const StartRecord& record) {
  const json::object object{
      {"pid", record.pid}, {"start_ticks", record.start_ticks}, {"shim_pid", record.shim_pid}};
  return put_record(folder.started(), object, 0644);
}

Result<void> write_record(const InstanceFolder& folder, const ExitRecord& record) {
  json::object object{{"error", record.error},
                      {"out_of_memory", record.out_of_memory},
                      {"stop_told", record.stop_told},
                      {"at_us", to_micros(record.at)}};
  if (record.status) object["status"] = *record.status;
  if (record.signal) object["signal"] = *record.signal;
  return put_record(folder.exit(), object, 0644);
}

Result<RunRecord> read_run_record(const InstanceFolder& folder) {
  HL_TRY_ASSIGN(const json::object object, read_object(folder.spec()));
  Result<RunRecord> record = run_record_from(object);
  if (!record) return std::move(record).error().context(folder.spec().string());
  return record;
}

Result<StartRecord> read_start_record(const InstanceFolder& folder) {
  HL_TRY_ASSIGN(const json::object object, read_object(folder.started()));
  HL_TRY_ASSIGN(const std::int64_t pid, get_int(object, "pid"));
  HL_TRY_ASSIGN(const std::int64_t start_ticks, get_int(object, "start_ticks"));
  HL_TRY_ASSIGN(const std::int64_t shim_pid, get_int(object, "shim_pid"));
  return StartRecord{.pid = static_cast<pid_t>(pid),
                     .start_ticks = static_cast<std::uint64_t>(start_ticks),
                     .shim_pid = static_cast<pid_t>(shim_pid)};
}

Result<ExitRecord> read_exit_record(const InstanceFolder& folder) {
  HL_TRY_ASSIGN(const json::object object, read_object(folder.exit()));
  ExitRecord record;
  HL_TRY_ASSIGN(const auto status, find_int(object, "status"));
  if (status) record.status = static_cast<int>(*status);
  HL_TRY_ASSIGN(const auto signal, find_int(object, "signal"));
  if (signal) record.signal = static_cast<int>(*signal);
  HL_TRY_ASSIGN(const auto error, find_string(object, "error"));
  record.error = error.value_or("");
  HL_TRY_ASSIGN(record.out_of_memory, get_bool(object, "out_of_memory"));
  HL_TRY_ASSIGN(record.stop_told, get_bool(object, "stop_told"));
  HL_TRY_ASSIGN(const std::int64_t at, get_int(object, "at_us"));
  record.at = from_micros(at);
  return record;
}

void sync_exit_record(const InstanceFolder& folder) {
  const UniqueFd fd(::open(folder.exit().c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) ::fsync(fd.get());  // gone already: forgotten
}

std::string boot_id() {
  std::string text = read_file("/proc/sys/kernel/random/boot_id", 64).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace hitless::pools
