// A plan as text: what would change, and what that does to instances and to callers.  Pure.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/io.h"

namespace hitless::cli {

// `plan` as the API answers it (components/schemas/Plan).  `update` is the command that makes the
// change, without a hash; empty: there is nothing to apply.
std::string render_plan(const Io& io, const json::object& plan, const std::string& update = "");

// "Plan: 2 to replace, 0 to add, 0 to remove · surge · hitless · about 40 s"
std::string plan_summary(const Io& io, const json::object& plan);

}  // namespace hitless::cli
