#include "pools/preparation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/crypto.h"
#include "pools/users.h"

namespace hitless::pools {
namespace {

constexpr const char* k_search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// By which CUDA and ROCm know which devices are theirs; empty: none.
constexpr const char* k_gpu_variables[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"};
constexpr std::size_t k_id_bytes_max = 64;            // it names folders and control groups
constexpr std::size_t k_unix_socket_bytes_max = 107;  // unix(7)

bool is_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= k_id_bytes_max && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), allowed);
}

void replace_all(std::string& text, std::string_view placeholder, const std::string& value) {
  for (std::size_t at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + value.size())) {
    text.replace(at, placeholder.size(), value);
  }
}

void fill_in(std::string& text, const RunRecord& run) {
  replace_all(text, "{port}", std::to_string(run.port));
  replace_all(text, "{listen}", to_text(run.address));
}

// Never ours: an instance sees what its service says and no more, of GPUs those it was given.
std::map<std::string, std::string> environment_of(const InstanceSpec& spec,
                                                  const InstanceFolder& folder,
                                                  const Choices& choices) {
  std::map<std::string, std::string> environment = spec.envs;
  if (choices.gpus) {
    const std::string devices = fmt::format("{}", fmt::join(*choices.gpus, ","));
    for (const char* name : k_gpu_variables) environment[name] = devices;
  }
  environment.emplace("PATH", k_search_path);
  environment.emplace("HOME", folder.run().string());
  environment.emplace("LANG", "C.UTF-8");
  return environment;
}

// Without a way to its files an instance cannot start at all: it then keeps our user, and we say
// which folder is in the way.
void keep_user_if_closed(RunRecord& run, const InstanceFolder& folder) {
  std::vector<std::filesystem::path> needed{run.package, folder.path};
  const auto program = find_program(run.command.front(), run.package, run.environment.at("PATH"));
  if (program) needed.push_back(*program);
  for (const auto& path : needed) {
    const auto closed = first_closed_folder(path);
    if (!closed) continue;
    run.user.reset();
    run.warnings.push_back(
        fmt::format("instances run as root: an unprivileged user cannot enter {} (needed for {}); "
                    "`chmod o+x {}` or keep it elsewhere",
                    closed->string(), path.string(), closed->string()));
    return;
  }
}

}  // namespace

Result<void> check_spec(const InstanceSpec& spec, const InstanceFolder& folder) {
  if (!is_name(spec.id.text())) {
    return Error(Code::invalid, fmt::format("an instance cannot be called \"{}\"", spec.id.text()));
  }
  if (spec.command.empty() || spec.command.front().empty()) {
    return Error(Code::invalid, "there is no command to run");
  }
  std::error_code failure;
  if (!std::filesystem::is_directory(spec.package, failure)) {
    return Error(Code::not_found, fmt::format("the package folder {} is not there: import the "
                                              "model again",
                                              spec.package.string()));
  }
  const std::string socket = folder.socket().string();
  if (spec.listens_on_unix && socket.size() > k_unix_socket_bytes_max) {
    return Error(Code::unsupported,
                 fmt::format("the instance's socket {} is {} bytes long and the kernel allows {}: "
                             "use a state directory with a shorter path",
                             socket, socket.size(), k_unix_socket_bytes_max));
  }
  return {};
}

RunRecord prepare(const InstanceSpec& spec, const InstanceFolder& folder, const Choices& choices) {
  RunRecord run;
  run.id = spec.id;
  run.service = spec.service;
  run.command = spec.command;
  run.environment = environment_of(spec, folder, choices);
  run.package = spec.package;
  run.port = choices.port;
  run.gpus = choices.gpus.value_or(std::vector<int>());
  if (spec.listens_on_unix) {
    run.address.path = folder.socket().string();
  } else {
    run.address = Address{.host = "127.0.0.1", .port = choices.port, .path = {}};
  }
  run.limits = spec.limits;
  run.user = choices.user;
  // Two pools of one machine may use the same ids.
  const std::string place = sha256_hex(folder.path.parent_path().string()).substr(0, 8);
  if (choices.cgroups) run.cgroup = fmt::format("hitless/{}.{}", spec.id.text(), place);
  run.log_bytes_max = choices.log_bytes_max;
  run.boot = boot_id();
  run.created_at = SystemClock().now();
  for (std::string& argument : run.command) fill_in(argument, run);
  for (auto& [name, value] : run.environment) fill_in(value, run);
  if (run.user) keep_user_if_closed(run, folder);
  return run;
}

}  // namespace hitless::pools
