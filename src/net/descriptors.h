// Descriptors that go from one process to another over a connected Unix socket.  Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace hitless::net {

// They stay open here, too.
Result<void> send_descriptors(int socket, std::span<const int> descriptors);

// Reads nothing beyond them.  On a blocking socket; its receive timeout is this one's.
Result<std::vector<UniqueFd>> receive_descriptors(int socket, std::size_t count);

}  // namespace hitless::net
