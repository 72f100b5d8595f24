// The two descriptors that serve hands to a shim it starts.
#pragma once

namespace hitless::pools {

inline constexpr int k_shim_lock_fd = 3;       // the folder's lock, held
inline constexpr int k_shim_listening_fd = 4;  // shim.sock, listening

}  // namespace hitless::pools
