// Which user an instance runs as when we are root, and whether that user could reach its files.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"

namespace hitless::pools {

// Users without a name, one per instance; the range that systemd's dynamic users have, which
// nobody's accounts lie in.
inline constexpr uid_t k_user_first = 61184;
inline constexpr uid_t k_user_last = 65519;

// The same name tends to get the same user; never one of `taken`.
Result<uid_t> choose_user(const std::string& name, const std::set<uid_t>& taken);

// The first folder on the way to `path` (or `path` itself, if it is one) that somebody who owns
// nothing may not enter; absent when all is open.
std::optional<std::filesystem::path> first_closed_folder(const std::filesystem::path& path);

// Where execvp would find `program`: in the folders of `search_path`, or relative to `folder` when
// it has a slash.  Absent when nowhere.
std::optional<std::filesystem::path> find_program(const std::string& program,
                                                  const std::filesystem::path& folder,
                                                  const std::string& search_path);

}  // namespace hitless::pools
