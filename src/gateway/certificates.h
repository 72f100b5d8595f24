// The certificates of a gateway on disk, and when they have changed there.
//
// Owner: the Gateway.  Thread: its owner's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "net/tls.h"

namespace hitless::gateway {

class Certificates {
 public:
  explicit Certificates(std::vector<net::TlsFiles> files) : files_(std::move(files)) {}

  // All of them, as they are now.
  Result<std::shared_ptr<const net::TlsIdentity>> load();
  // Whether a file is another one, or was written, since load().
  bool have_changed() const;

 private:
  struct Mark {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t seconds = 0, nanos = 0;  // when it was written
    bool operator==(const Mark&) const = default;
  };
  std::vector<Mark> look() const;

  const std::vector<net::TlsFiles> files_;
  std::vector<Mark> marks_;
};

}  // namespace hitless::gateway
