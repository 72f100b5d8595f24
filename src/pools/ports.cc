#include "pools/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

namespace hitless::pools {
namespace {

// More than a change of one service usually takes; so many are tried in a millisecond or two.
constexpr std::int64_t k_ports_plenty = 512;
// Who else listens in the range seldom changes, and the loop asks at each look.
constexpr Duration k_count_kept = std::chrono::seconds(1);

// Nobody listens on it, on any address of this machine.  Connections of an earlier owner that are
// still winding down do not count.
bool is_free(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

// Pools of one machine start at different places, so that they seldom want the same port.
Ports::Ports(std::uint16_t first, std::uint16_t last)
    : first_(first),
      last_(last),
      next_(static_cast<std::uint16_t>(first + ::getpid() % (last - first + 1))) {
  HL_CHECK(first > 0 && first <= last);
}

Result<std::uint16_t> Ports::choose(const std::set<std::uint16_t>& taken) {
  for (int tried = 0; tried <= last_ - first_; ++tried) {
    const std::uint16_t port = next_;
    next_ = port == last_ ? first_ : static_cast<std::uint16_t>(port + 1);
    if (!taken.contains(port) && is_free(port)) return port;
  }
  return Error(Code::exhausted,
               fmt::format("no free port between {} and {}: widen the pool's range or stop what "
                           "listens there",
                           first_, last_));
}

std::int64_t Ports::count_usable(const std::set<std::uint16_t>& taken, Time now) {
  const std::int64_t all = std::int64_t{last_} - first_ + 1;
  const auto used = static_cast<std::int64_t>(taken.size());
  if (all - used > k_ports_plenty) return all;
  const bool fresh = counted_with_ == taken && now >= counted_at_ && counted_at_ != Time::min() &&
                     now - counted_at_ < k_count_kept;
  if (fresh) return usable_;
  counted_with_ = taken;
  counted_at_ = now;
  usable_ = used + count_free(taken);
  return usable_;
}

std::int64_t Ports::count_free(const std::set<std::uint16_t>& taken) const {
  std::int64_t count = 0;
  for (int port = first_; port <= last_; ++port) {
    const auto number = static_cast<std::uint16_t>(port);
    if (!taken.contains(number) && is_free(number)) ++count;
  }
  return count;
}

}  // namespace hitless::pools
