#include "pools/users.h"

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <sstream>
#include <system_error>

namespace hitless::pools {
namespace {

constexpr uid_t k_users = k_user_last - k_user_first + 1;

bool is_closed(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         (status.st_mode & S_IXOTH) == 0;
}

}  // namespace

Result<uid_t> choose_user(const std::string& name, const std::set<uid_t>& taken) {
  const auto start = static_cast<uid_t>(std::hash<std::string>{}(name) % k_users);
  for (uid_t tried = 0; tried < k_users; ++tried) {
    const uid_t user = k_user_first + (start + tried) % k_users;
    if (!taken.contains(user)) return user;
  }
  return Error(Code::exhausted, "all users for instances are taken: remove exited instances");
}

std::optional<std::filesystem::path> first_closed_folder(const std::filesystem::path& path) {
  std::error_code failure;
  // Links count as what they lead to: the way there is what must be open.
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, failure);
  std::filesystem::path so_far;
  for (const auto& part : failure ? path : real) {
    so_far /= part;
    if (is_closed(so_far)) return so_far;
  }
  return std::nullopt;
}

std::optional<std::filesystem::path> find_program(const std::string& program,
                                                  const std::filesystem::path& folder,
                                                  const std::string& search_path) {
  if (program.find('/') != std::string::npos) {
    const std::filesystem::path path = folder / program;  // an absolute one stays as it is
    return ::access(path.c_str(), F_OK) == 0 ? std::optional(path) : std::nullopt;
  }
  std::istringstream folders(search_path);
  for (std::string entry; std::getline(folders, entry, ':');) {
    const std::filesystem::path path = folder / entry / program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

}  // namespace hitless::pools
