// A plan as text: what would change, and what that does to instances.  Pure.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/io.h"

namespace hitless::cli {

// `plan` as the API answers it (components/schemas/Plan).
std::string render_plan(const Io& io, const json::object& plan);

}  // namespace hitless::cli
