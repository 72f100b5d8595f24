// Programs that shall outlive this one: nobody's children, their output in a file.  Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace hitless::app {

// Starts `hitless <arguments>`, the program that runs here, its output appended to `log`.
Result<void> start_detached(const std::vector<std::string>& arguments,
                            const std::filesystem::path& log);

// The same, with a pipe that the program finds as descriptor k_report_fd; our end of it.
inline constexpr int k_report_fd = 3;
Result<UniqueFd> start_reporting(const std::vector<std::string>& arguments,
                                 const std::filesystem::path& log);

}  // namespace hitless::app
