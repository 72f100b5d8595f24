// Where a gateway listens: in the same place as the gateway before it, also when nobody chose it.
// Any thread.
#pragma once

#include <filesystem>

#include "base/address.h"
#include "base/file.h"
#include "base/result.h"

namespace hitless::gateway {

struct Listening {
  UniqueFd fd;
  Address address;  // with the real port
};

// A port on which anybody listens already is a conflict, though the kernel would let the gateways
// of one user share it.  For port 0 the one that `memory` names is taken while it is free, else
// any, which is written there; an empty `memory` is none.
Result<Listening> listen_as_before(const Address& asked, const std::filesystem::path& memory);

}  // namespace hitless::gateway
