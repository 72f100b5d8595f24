// Starts a shim so that it outlives us, and ends what a dead shim left behind.
#pragma once

#include "base/file.h"
#include "pools/instance_folder.h"

namespace hitless::pools {

struct Launched {
  pid_t shim_pid = 0;  // our child: whoever launches must reap it
  UniqueFd link;       // connected to its socket, also when it is not yet up
};

// Makes the folder, writes spec.json and starts "<shim> shim <folder>" in a session of its own,
// with the folder's lock and its listening socket and no other descriptor of ours.  On an Error
// nothing is left of the folder.
Result<Launched> launch(const std::filesystem::path& shim, const InstanceFolder& folder,
                        const RunRecord& run);

// Whoever holds the lock says what became of an instance whose shim died without a record: kills
// what is left of it, removes its control group, writes exit.json.  May take two seconds.
Result<ExitRecord> settle_lost(const InstanceFolder& folder, const RunRecord& run);

}  // namespace hitless::pools
