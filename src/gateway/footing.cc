#include "gateway/footing.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/crypto.h"
#include "gateway/listening.h"
#include "net/descriptors.h"
#include "net/socket.h"

namespace hitless::gateway {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// A gateway that lets another take over has the lock, and both its listening sockets, first.
constexpr std::size_t k_fixed_descriptors = 3;
// Messages before the descriptors are sentences.
constexpr std::size_t k_first_frame_bytes_max = 64 * 1024;

// Each worker has a listener of its own, between which the kernel spreads connections; a Unix
// socket has but one, which they share.
Result<std::vector<UniqueFd>> share(Listening first, std::size_t workers) {
  std::vector<UniqueFd> listeners;
  listeners.push_back(std::move(first.fd));
  while (listeners.size() < workers) {
    HL_TRY_ASSIGN(UniqueFd next, first.address.is_unix() ? net::copy_of(listeners[0].get())
                                                         : net::listen_on(first.address));
    listeners.push_back(std::move(next));
  }
  return listeners;
}

Result<void> listen(const GatewayOptions& options, Footing& footing) {
  HL_TRY_ASSIGN(Listening first, listen_as_before(options.listen, options.address_file));
  footing.address = first.address;
  HL_TRY_ASSIGN(footing.listeners, share(std::move(first), options.workers));
  if (!options.tls.has_value()) return {};
  footing.tls = options.tls;
  HL_TRY_ASSIGN(first, listen_as_before(options.tls->listen, {}));
  footing.tls->listen = first.address;
  HL_TRY_ASSIGN(footing.tls_listeners, share(std::move(first), options.workers));
  return {};
}

Result<UniqueFd> listen_locally(const std::filesystem::path& socket) {
  return net::listen_on(Address{.host = {}, .port = 0, .path = socket.string()});
}

Result<UniqueFd> connect_to(const std::filesystem::path& socket) {
  HL_TRY_ASSIGN(const net::SocketAddress to,
                net::to_socket_address(Address{.host = {}, .port = 0, .path = socket.string()}));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("socket", socket.string(), errno);
  if (::connect(fd.get(), &to.any, to.size) == 0) return fd;
  return Error(Code::unavailable, "no gateway runs here that another could take over from: " +
                                      system_error("connecting to", socket.string(), errno).text());
}

void set_patience(int fd, SteadyTime deadline) {
  const auto left = std::max<std::chrono::microseconds>(
      std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::microseconds>(
                                        deadline - std::chrono::steady_clock::now()));
  const timeval patience{.tv_sec = left.count() / 1'000'000, .tv_usec = left.count() % 1'000'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

Result<void> read_exactly(int fd, std::span<char> into) {
  while (!into.empty()) {
    const ssize_t got = ::recv(fd, into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Error(Code::timeout, "the gateway does not answer");
    if (got < 0) return system_error("reading", "the link to the gateway", errno);
    if (got == 0) return Error(Code::unavailable, "the gateway closed the link");
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

// One frame and not a byte more: descriptors may follow.
Result<json::object> read_frame(int fd) {
  std::string bytes(k_frame_header_bytes, '\0');
  HL_TRY(read_exactly(fd, bytes));
  const std::size_t size = frame_size(bytes);
  if (size > k_first_frame_bytes_max) return Error(Code::corrupt, "the first frame is too large");
  bytes.resize(size);
  HL_TRY(read_exactly(fd, bytes));
  HL_TRY_ASSIGN(json::value message, parse_json(bytes));
  if (!message.is_object()) return Error(Code::corrupt, "a control frame is not an object");
  return std::move(message.get_object());
}

Result<Footing> receive(UniqueFd link, const json::object& message) {
  HL_TRY_ASSIGN(const Offer offer, offer_from_json(message));
  HL_TRY_ASSIGN(std::vector<UniqueFd> fds, net::receive_descriptors(link.get(), offer.descriptors));
  const std::size_t tls_begin = fds.size() - offer.tls_descriptors;
  if (tls_begin <= k_fixed_descriptors) return Error(Code::corrupt, "an offer without listeners");
  if (::fcntl(link.get(), F_SETFL, O_NONBLOCK) != 0) {  // from now on an event loop's
    return system_error("fcntl", "the link to the gateway", errno);
  }
  Footing footing;
  footing.lock = std::move(fds[0]);
  footing.control = std::move(fds[1]);
  footing.successors = std::move(fds[2]);
  for (std::size_t i = k_fixed_descriptors; i < fds.size(); ++i) {
    (i < tls_begin ? footing.listeners : footing.tls_listeners).push_back(std::move(fds[i]));
  }
  footing.address = offer.listen;
  footing.tls = offer.tls;
  footing.counts = offer.counts;
  footing.predecessor_pid = offer.pid;
  footing.predecessor_version = offer.version;
  footing.signals = offer.signals;
  footing.predecessor = std::move(link);
  return footing;
}

// nullopt: the gateway that was asked has been replaced itself; ask the one that is there now.
Result<std::optional<Footing>> ask(const std::filesystem::path& socket, SteadyTime deadline) {
  HL_TRY_ASSIGN(UniqueFd link, connect_to(socket));
  std::string waits_for;
  for (;;) {
    set_patience(link.get(), deadline);
    Result<json::object> message = read_frame(link.get());
    if (!message && message.error().code() == Code::timeout && !waits_for.empty()) {
      return Error(Code::unavailable, waits_for);
    }
    if (!message) return std::move(message).error();
    HL_TRY_ASSIGN(const std::string type, get_string(*message, "type"));
    if (type == "again") return std::optional<Footing>();
    if (type == "wait" || type == "declined") {
      HL_TRY_ASSIGN(std::string reason, get_string(*message, "reason"));
      if (type == "declined") return Error(Code::unavailable, std::move(reason));
      waits_for = std::move(reason);
      continue;
    }
    HL_TRY_ASSIGN(Footing footing, receive(std::move(link), *message));
    return std::optional<Footing>(std::move(footing));
  }
}

}  // namespace

std::filesystem::path successor_socket(const std::filesystem::path& control_socket) {
  return control_socket.string() + ".next";
}

Result<Footing> found_footing(const GatewayOptions& options) {
  Footing footing;
  Result<UniqueFd> lock = lock_file(options.control_socket.string() + ".lock");
  if (!lock) return std::move(lock).error().context("another gateway runs here");
  footing.lock = std::move(*lock);
  HL_TRY(listen(options, footing));
  HL_TRY_ASSIGN(footing.control, listen_locally(options.control_socket));
  HL_TRY_ASSIGN(footing.successors, listen_locally(successor_socket(options.control_socket)));
  footing.counts = random_hex(8);
  return footing;
}

Result<Footing> take_footing(const GatewayOptions& options) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + *options.take_over;
  for (;;) {
    HL_TRY_ASSIGN(auto footing, ask(successor_socket(options.control_socket), deadline));
    if (footing.has_value()) return std::move(*footing);
  }
}

Result<void> hand_over(int connection, const Offer& offer, const Heirloom& heirloom) {
  std::vector<int> all{heirloom.lock, heirloom.control, heirloom.successors};
  all.insert(all.end(), heirloom.listeners.begin(), heirloom.listeners.end());
  all.insert(all.end(), heirloom.tls_listeners.begin(), heirloom.tls_listeners.end());
  Offer sent = offer;
  sent.descriptors = all.size();
  sent.tls_descriptors = heirloom.tls_listeners.size();
  const std::string frame = encode_frame(to_json(sent));
  const ssize_t written = ::send(connection, frame.data(), frame.size(), MSG_NOSIGNAL);
  if (written != static_cast<ssize_t>(frame.size())) {
    return system_error("writing", "the link to the next gateway", errno);
  }
  return net::send_descriptors(connection, all);
}

}  // namespace hitless::gateway
