// What tells one configuration of a service from another, for people.  Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace hitless::cli {

// "vad:0.0.1 x2, vad:0.0.2 x1": the entries of a revision as the API answers it.
std::string models_of(const json::object& revision);

// What `newer` has otherwise than `older`, both as the API answers them: "model vad:0.0.1 →
// vad:0.0.2, envs.LEVEL 1 → 2".  Empty: they are configured alike.
std::string difference_text(const json::object& older, const json::object& newer);

// The same for row `at` of `revisions`, oldest first, against the one before.  One that is
// configured as an earlier one, which is what a rollback makes, says so in place of that.
std::string change_of(const json::array& revisions, std::size_t at);

}  // namespace hitless::cli
