// What every run of nginx or HAProxy needs: the program, a place to listen, a user.
#pragma once

#include <filesystem>
#include <string>

#include "base/address.h"

namespace hitless::bench {

std::filesystem::path peer_program(const std::string& name);  // of scripts/fetch-peers
std::string user_name();                                      // who runs the benchmark

// Free a moment ago; whoever takes it meanwhile makes the start fail, which is tried again.
Address free_address();
bool answers(const Address& address);  // somebody listens there

}  // namespace hitless::bench
