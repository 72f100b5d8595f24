#include "pools/kept_logs.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/file.h"

namespace hitless::pools {

Result<void> KeptLogs::take(const InstanceFolder& from) const {
  if (keep_ <= Duration::zero()) return {};
  const InstanceFolder to = at(from.path.filename().string());
  HL_TRY(ensure_directory(folder_, 0711));
  HL_TRY(ensure_directory(to.path, 0700));
  for (const auto& [source, target] :
       {std::pair(from.log(), to.log()), std::pair(from.old_log(), to.old_log()),
        std::pair(from.exit(), to.exit())}) {
    if (std::rename(source.c_str(), target.c_str()) != 0 && errno != ENOENT) {
      return system_error("keeping", source.string(), errno);
    }
  }
  return {};
}

void KeptLogs::remove_old(Time now) const {
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(folder_, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    struct stat status {};
    if (::stat(entry->path().c_str(), &status) != 0) continue;
    if (Time(std::chrono::seconds(status.st_mtim.tv_sec)) + keep_ > now) continue;
    std::error_code ignored;  // tried again next time
    std::filesystem::remove_all(entry->path(), ignored);
  }
}

}  // namespace hitless::pools
