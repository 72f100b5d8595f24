// Errors that say that this process, or the machine, has no more to give: not the other side's.
#pragma once

#include <cerrno>

namespace hitless::gateway {

inline bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace hitless::gateway
