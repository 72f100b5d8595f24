// Unix sockets named by a folder and a file name in it, however long the folder's path is: they
// are reached through the folder's descriptor, so the kernel's 107 bytes do not matter here.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"

namespace hitless::pools {

Result<UniqueFd> listen_in(const std::filesystem::path& folder, const std::string& name);

// Non-blocking.  not_found and unavailable (ECONNREFUSED): nobody listens.
Result<UniqueFd> connect_in(const std::filesystem::path& folder, const std::string& name);

}  // namespace hitless::pools
