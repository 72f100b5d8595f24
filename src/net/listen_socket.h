// A listening socket, TCP or Unix, non-blocking.
//
// Owner: whoever opens it.  Closing a Unix socket removes its file, unless somebody else has put
// another one in its place meanwhile.  One thread at a time.
#pragma once

#include <sys/types.h>

#include "base/address.h"
#include "base/file.h"
#include "base/result.h"

namespace hitless::net {

class ListenSocket {
 public:
  // A socket file nobody answers on is replaced; one that is answered on, and anything that is no
  // socket, is a conflict.  `unix_mode` is the file's mode, in force before the first connection.
  // The error names the address.
  static Result<ListenSocket> open(const Address& address, unsigned unix_mode);

  ListenSocket(ListenSocket&& other) noexcept = default;
  ListenSocket& operator=(ListenSocket&& other) = delete;
  ~ListenSocket() { close(); }

  int fd() const { return fd_.get(); }
  const Address& address() const { return address_; }  // with the port the kernel chose

  void close();  // idempotent

 private:
  ListenSocket(UniqueFd fd, Address address) : fd_(std::move(fd)), address_(std::move(address)) {}
  static Result<ListenSocket> open_tcp(const Address& address);
  static Result<ListenSocket> open_unix(const Address& address, unsigned mode);

  UniqueFd fd_;
  Address address_;
  dev_t device_ = 0;  // of the Unix socket's file
  ino_t inode_ = 0;
};

}  // namespace hitless::net
