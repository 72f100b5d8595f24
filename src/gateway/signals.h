// What a gateway tells people of itself, and where.  A gateway that takes another's place does it
// as that one did, unless it was told otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace hitless::gateway {

struct Signals {
  // A line for each request (docs/operating/access_record.md); empty: none is kept.
  std::filesystem::path access_record;
  std::uint64_t access_record_bytes_max = 128 * 1024 * 1024;  // of the file and the one before it
  // Metrics over TCP, besides the admin socket; empty: not.
  std::string admin_listen;
};

// Where a gateway is asked for its metrics.
std::filesystem::path admin_socket(const std::filesystem::path& control_socket);

json::value to_json(const Signals& signals);
Result<Signals> signals_from_json(const json::object& form);

}  // namespace hitless::gateway
