// When a request may be sent again: only if the instance cannot have taken it.  Here, and nowhere
// else, is that decided.
//
// A connection that dies before a byte of the answer leaves traces from which one can tell:
//
//   never connected, or the kernel took no byte   nobody has seen the request            again
//   TCP: the peer's kernel confirmed no byte      the peer had closed before it came     again
//   reset, request sent in one piece, small       the peer closed with it unread: what   again
//     or on a connection that was kept            has been read whole ends with FIN
//   orderly end (FIN), bytes confirmed            it may have been read                  no
//   anything else                                 it may have been read                  no
//
// The reset row is what closes the keep-alive race: an instance that closes an idle connection
// just as our request arrives resets it.  A reset says that some of the request was not read, and
// a server might have begun to act on the part that was.  On a new connection the request has to
// be no larger than what a server reads at once.  On a kept one the race is by far the likelier
// cause, and a server that acts on a part of a body of known length is rare: more is let pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace hitless::gateway {

// Python's buffered reader, the smallest among usual servers, takes 8 KiB at once.
inline constexpr std::size_t k_unread_reset_bytes_max = 8 * 1024;
// What a socket takes in one piece, and what a request to most models does not exceed.
inline constexpr std::size_t k_unread_kept_bytes_max = 64 * 1024;

struct Death {
  bool connected = true;
  int error = 0;                           // errno; 0: the peer's orderly end
  bool answered = false;                   // a byte of an answer came
  std::uint64_t sent = 0;                  // bytes of the request that our kernel took
  bool sent_at_once = false;               // in one piece, and nothing is to follow
  bool kept = false;                       // the connection had answered before
  std::optional<std::uint64_t> confirmed;  // bytes of it that the peer's kernel has; TCP only
};

bool cannot_have_been_taken(const Death& death);

// How many bytes the peer's kernel has confirmed over a TCP connection's life.
std::optional<std::uint64_t> confirmed_bytes(int fd);

}  // namespace hitless::gateway
