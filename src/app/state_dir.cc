#include "app/state_dir.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/crypto.h"

namespace hitless::app {
namespace {

namespace fs = std::filesystem;

// gateway.sock and the like must fit into the 107 bytes that a Unix socket's path may have, and
// instances need some more for theirs: "instances/<id>/run/s" is about 40.
constexpr std::size_t k_path_bytes_max = 64;
constexpr std::size_t k_token_bytes = 32;
constexpr std::size_t k_small_file_bytes_max = 4096;

// From the death of a serve to the last child of it that still holds its lock: the moment between
// fork and exec, on a machine under load.
constexpr Duration k_dead_holder_patience = std::chrono::seconds(10);

bool is_alive(pid_t pid) {
  return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

}  // namespace

Result<StateDir> StateDir::open(fs::path path) {
  std::error_code failure;
  path = fs::absolute(path, failure).lexically_normal();
  if (path.string().size() > k_path_bytes_max) {
    return Error(Code::invalid,
                 fmt::format("the state directory {} has a path of more than {} bytes, too long "
                             "for the sockets in it: choose a shorter one with --state",
                             path.string(), k_path_bytes_max));
  }
  if (auto made = ensure_directory(path, 0711); !made) {
    return std::move(made).error().context(
        "the state directory has to be a folder of whoever runs this; --state names another");
  }
  return StateDir(std::move(path));
}

Result<UniqueFd> StateDir::lock() const {
  auto held = lock_file(path_ / "serve.lock");
  if (!held && held.error().code() == Code::conflict && !is_alive(recorded_pid())) {
    held = lock_file(path_ / "serve.lock", k_dead_holder_patience);
  }
  if (!held) {
    if (held.error().code() != Code::conflict) return held;
    return Error(Code::conflict,
                 fmt::format("another `hitless serve` (pid {}) uses {}: stop it first, or give "
                             "this one a state directory of its own with --state",
                             recorded_pid(), path_.string()));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(held->get(), 0) != 0 ||
      ::pwrite(held->get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return system_error("writing", (path_ / "serve.lock").string(), errno);
  }
  return held;
}

pid_t StateDir::serve_pid() const {
  const auto locked = is_file_locked(path_ / "serve.lock");
  return locked && *locked ? recorded_pid() : 0;
}

pid_t StateDir::recorded_pid() const {
  const auto text = read_file(path_ / "serve.lock", k_small_file_bytes_max);
  pid_t pid = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid;
}

Result<std::string> StateDir::ensure_token() const {
  const fs::path file = path_ / "token";
  auto token = read_file(file, k_small_file_bytes_max);
  if (token) {
    while (!token->empty() && token->back() == '\n') token->pop_back();
    if (!token->empty()) return token;
  } else if (token.error().code() != Code::not_found) {
    return token;
  }
  std::string made = random_hex(k_token_bytes);
  HL_TRY(write_file_atomically(file, made + "\n", 0600));
  return made;
}

}  // namespace hitless::app
