#include "gateway/listening.h"

#include <optional>

#include "base/log.h"
#include "net/listen_socket.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

// Everybody on this machine may call; the token decides.
constexpr unsigned k_unix_mode = 0666;
// A numeric address and a port.
constexpr std::size_t k_memory_bytes_max = 256;

// A gateway's listeners share their port, so binding alone would succeed beside another gateway.
Result<void> expect_nobody_at(const Address& address) {
  const auto probe = net::ListenSocket::open(address, k_unix_mode);
  if (probe) return {};
  if (probe.error().code() != Code::conflict) return probe.error();
  return Error(Code::conflict, to_text(address) + " is used by another program");
}

Result<Listening> listen_at(const Address& address) {
  if (!address.is_unix() && address.port != 0) HL_TRY(expect_nobody_at(address));
  Listening made;
  HL_TRY_ASSIGN(made.fd, net::listen_on(address, k_unix_mode));
  HL_TRY_ASSIGN(made.address, net::local_address(made.fd.get(), address));
  return made;
}

// nullopt: nothing usable is remembered.
std::optional<Address> remembered(const Address& asked, const std::filesystem::path& memory) {
  auto text = read_file(memory, k_memory_bytes_max);
  if (!text) return std::nullopt;
  while (text->ends_with('\n')) text->pop_back();
  const auto address = parse_address(*text);
  if (!address || address->is_unix() || address->host != asked.host) return std::nullopt;
  return *address;
}

}  // namespace

Result<Listening> listen_as_before(const Address& asked, const std::filesystem::path& memory) {
  if (asked.is_unix() || asked.port != 0 || memory.empty()) return listen_at(asked);
  if (const auto before = remembered(asked, memory)) {
    auto again = listen_at(*before);
    if (again) return again;
    log_warn("gateway_port_lost", {{"reason", again.error().text()}});
  }
  HL_TRY_ASSIGN(Listening made, listen_at(asked));
  HL_TRY(write_file_atomically(memory, to_text(made.address) + "\n"));
  return made;
}

}  // namespace hitless::gateway
