// The flags for what a gateway tells of itself: serve has them for the gateway that it starts.
#pragma once

#include <string>
#include <vector>

#include "app/options.h"
#include "app/state_dir.h"
#include "gateway/signals.h"

namespace CLI {
class App;
}

namespace hitless::app {

// `prefix` stands behind "--" in each.
void add_signal_flags(CLI::App& command, SignalFlags& flags, const std::string& prefix);
// As arguments of `hitless gateway`.
void add_arguments(std::vector<std::string>& arguments, const SignalFlags& flags);
gateway::Signals signals_of(const SignalFlags& flags, const StateDir& state);

}  // namespace hitless::app
