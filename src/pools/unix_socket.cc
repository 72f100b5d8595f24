#include "pools/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>

namespace hitless::pools {
namespace {

constexpr int k_backlog = 64;  // serve, its successor and a few curious people

struct Place {
  UniqueFd folder;
  sockaddr_un address{};
};

Result<Place> place_of(const std::filesystem::path& folder, const std::string& name) {
  Place place;
  place.folder = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.folder) return system_error("opening", folder.string(), errno);
  place.address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", place.folder.get(), name);
  HL_CHECK(path.size() < sizeof place.address.sun_path);
  path.copy(place.address.sun_path, path.size());
  return place;
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("opening a Unix socket", "", errno);
  return fd;
}

}  // namespace

Result<UniqueFd> listen_in(const std::filesystem::path& folder, const std::string& name) {
  HL_TRY_ASSIGN(const Place place, place_of(folder, name));
  HL_TRY_ASSIGN(UniqueFd fd, make_socket());
  // The descriptor's mode becomes the file's: only we may connect.
  ::fchmod(fd.get(), 0600);
  const auto* address = reinterpret_cast<const sockaddr*>(&place.address);
  if (::bind(fd.get(), address, sizeof place.address) != 0 || ::listen(fd.get(), k_backlog) != 0) {
    return system_error("listening on", (folder / name).string(), errno);
  }
  return fd;
}

Result<UniqueFd> connect_in(const std::filesystem::path& folder, const std::string& name) {
  HL_TRY_ASSIGN(const Place place, place_of(folder, name));
  HL_TRY_ASSIGN(UniqueFd fd, make_socket());
  const auto* address = reinterpret_cast<const sockaddr*>(&place.address);
  if (::connect(fd.get(), address, sizeof place.address) != 0) {
    return system_error("connecting to", (folder / name).string(), errno);
  }
  return fd;
}

}  // namespace hitless::pools
