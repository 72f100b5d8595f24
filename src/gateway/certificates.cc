#include "gateway/certificates.h"

#include <sys/stat.h>

namespace hitless::gateway {

std::vector<Certificates::Mark> Certificates::look() const {
  std::vector<Mark> marks;
  for (const net::TlsFiles& each : files_) {
    for (const std::filesystem::path& file : {each.certificate, each.key}) {
      struct stat found {};
      if (::stat(file.c_str(), &found) != 0) found = {};  // one that is gone is another one, too
      marks.push_back({.inode = found.st_ino,
                       .size = found.st_size,
                       .seconds = found.st_mtim.tv_sec,
                       .nanos = found.st_mtim.tv_nsec});
    }
  }
  return marks;
}

// The marks are taken first: what changes while it is read is found changed.
Result<std::shared_ptr<const net::TlsIdentity>> Certificates::load() {
  marks_ = look();
  return net::TlsIdentity::load(files_);
}

bool Certificates::have_changed() const {
  return look() != marks_;
}

}  // namespace hitless::gateway
