#include "net/descriptors.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hitless::net {
namespace {

// The kernel takes 253 at once; each message carries one byte that is theirs.
constexpr std::size_t k_batch = 32;
constexpr const char* k_subject = "descriptors";

union ControlSpace {
  std::array<char, CMSG_SPACE(k_batch * sizeof(int))> bytes;
  cmsghdr align;
};

Result<void> send_batch(int socket, std::span<const int> batch) {
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  ControlSpace space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.bytes.data();
  message.msg_controllen = CMSG_SPACE(batch.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(batch.size_bytes());
  std::memcpy(CMSG_DATA(header), batch.data(), batch.size_bytes());
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) == 1) return {};
  return system_error("sending", k_subject, errno);
}

void collect(const msghdr& message, std::vector<UniqueFd>& into) {
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return;
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    into.emplace_back(fd);
  }
}

Result<void> receive_batch(int socket, std::vector<UniqueFd>& into) {
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  ControlSpace space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.bytes.data();
  message.msg_controllen = space.bytes.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return Error(Code::timeout, "no descriptors came");
  if (got < 0) return system_error("receiving", k_subject, errno);
  if (got == 0) return Error(Code::unavailable, "the other process closed the connection");
  const std::size_t before = into.size();
  collect(message, into);
  if ((message.msg_flags & MSG_CTRUNC) == 0 && into.size() > before) return {};
  return Error(Code::exhausted, "this process may not open so many descriptors");
}

}  // namespace

Result<void> send_descriptors(int socket, std::span<const int> descriptors) {
  while (!descriptors.empty()) {
    const auto batch = descriptors.first(std::min(k_batch, descriptors.size()));
    HL_TRY(send_batch(socket, batch));
    descriptors = descriptors.subspan(batch.size());
  }
  return {};
}

Result<std::vector<UniqueFd>> receive_descriptors(int socket, std::size_t count) {
  std::vector<UniqueFd> received;
  while (received.size() < count) HL_TRY(receive_batch(socket, received));
  if (received.size() == count) return received;
  return Error(Code::corrupt, "more descriptors came than were announced");
}

}  // namespace hitless::net
